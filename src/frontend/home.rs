//! HOME for an image's user that has a number and no name.

use crate::frontend::assembly::AssembledImage;
use crate::frontend::session::Session;
use crate::plan::Edit;
use crate::text::Failure;

/// The most of a passwd file that is read, in bytes.
const MAX_PASSWD: usize = 1024 * 1024;

/// Makes the working directory the home of an image's user that is not in the passwd file: engines take the others' from
/// there, and give this one `/`, where it may not write.
pub(super) async fn set_home(session: &Session, image: &mut AssembledImage) -> Result<(), Failure> {
    let user = image.settings.user.as_deref().unwrap_or_default();
    let id = user.split(':').next().unwrap_or_default().to_owned();
    if id.parse::<u32>().is_err() {
        return Ok(());
    }
    let of_base = || {
        let config = image.base.as_ref()?.config.as_ref()?.json();
        Some(config.pointer("/config/WorkingDir")?.as_str()?.to_owned())
    };
    let workdir = image.settings.workdir.clone().or_else(of_base);
    let Some(workdir) = workdir.filter(|path| !matches!(path.as_str(), "" | "/")) else {
        return Ok(());
    };
    let passwd = match session.client.read(&image.reference, "etc/passwd", MAX_PASSWD).await {
        Ok(passwd) => passwd.unwrap_or_default(),
        Err(error) if error.is_missing() => Vec::new(),
        Err(error) => return Err(error.into()),
    };
    let passwd = String::from_utf8_lossy(&passwd);
    if !passwd.lines().any(|line| line.split(':').nth(2) == Some(id.as_str())) {
        image.settings.environment.push(Edit::default("HOME", workdir));
    }
    Ok(())
}
