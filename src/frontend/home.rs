//! HOME of an image whose user is not root: engines take it from the passwd file, and give `/` to whoever is not in there.

use crate::frontend::assembly::AssembledImage;
use crate::frontend::session::Session;
use crate::plan::Edit;
use crate::text::Failure;

/// The most of a passwd file that is read, in bytes.
const MAX_PASSWD: usize = 1024 * 1024;

/// Sets HOME: to the home of an image's user, so that those have it too who run the image under a number of their own; to
/// the working directory, if the user is a number that is not in the passwd file.
pub(super) async fn set_home(session: &Session, image: &mut AssembledImage) -> Result<(), Failure> {
    let user = image.settings.user.as_deref().unwrap_or_default();
    let user = user.split(':').next().unwrap_or_default().to_owned();
    if matches!(user.as_str(), "" | "0" | "root") {
        return Ok(());
    }
    let passwd = match session.client.read(&image.reference, "etc/passwd", MAX_PASSWD).await {
        Ok(passwd) => passwd.unwrap_or_default(),
        Err(error) if error.is_missing() => Vec::new(),
        Err(error) => return Err(error.into()),
    };
    let home = match home_of(&user, &String::from_utf8_lossy(&passwd)) {
        None if user.parse::<u32>().is_ok() => workdir(image),
        home => home,
    };
    if let Some(home) = home.filter(|path| path.starts_with('/') && path != "/") {
        image.settings.environment.push(Edit::default("HOME", home));
    }
    Ok(())
}

/// The home of a user, by name or number. The fields of a line: name, password, number, group, comment, home, shell.
fn home_of(user: &str, passwd: &str) -> Option<String> {
    let mut lines = passwd.lines().map(|line| line.split(':').collect::<Vec<_>>());
    let line = lines.find(|fields| fields.first() == Some(&user) || fields.get(2) == Some(&user))?;
    line.get(5).map(|home| (*home).to_owned())
}

fn workdir(image: &AssembledImage) -> Option<String> {
    let of_base = || {
        let config = image.base.as_ref()?.config.as_ref()?.json();
        Some(config.pointer("/config/WorkingDir")?.as_str()?.to_owned())
    };
    image.settings.workdir.clone().or_else(of_base)
}
