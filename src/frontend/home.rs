//! HOME of images: engines take it from the passwd file, and give `/` to whoever is not in there.

use crate::frontend::assembly::AssembledImage;
use crate::frontend::session::Session;
use crate::image_spec::{ImageSpec, Profile};
use crate::plan::{Edit, TASK_USER};
use crate::text::Failure;

/// The most of a passwd file that is read, in bytes.
const MAX_PASSWD: usize = 1024 * 1024;

/// Sets HOME: for tasks to the home of their user, so that those have it too who run the image under a number of their
/// own; to the working directory, if the user is a number that is not in the passwd file.
pub(super) async fn set_home(session: &Session, spec: &ImageSpec, image: &mut AssembledImage) -> Result<(), Failure> {
    let user = image.settings.user.as_deref().unwrap_or_default();
    let user = user.split(':').next().unwrap_or_default().to_owned();
    let is_task = user == TASK_USER && spec.all().any(|spec| spec.profile == Profile::Flyte);
    let home = match user.parse::<u32>() {
        // The step that makes this user sees to it; reading a merged tree would take seconds.
        _ if is_task => Some(format!("/home/{TASK_USER}")),
        Ok(1..) if !is_known(session, image, &user).await? => workdir(image),
        _ => None,
    };
    if let Some(home) = home.filter(|path| path.starts_with('/') && path != "/") {
        image.settings.environment.push(Edit::default("HOME", home));
    }
    Ok(())
}

/// Whether the passwd file has a number.
async fn is_known(session: &Session, image: &AssembledImage, number: &str) -> Result<bool, Failure> {
    let passwd = match session.client.read(&image.reference, "etc/passwd", MAX_PASSWD).await {
        Ok(passwd) => passwd.unwrap_or_default(),
        Err(error) if error.is_missing() => Vec::new(),
        Err(error) => return Err(error.into()),
    };
    let passwd = String::from_utf8_lossy(&passwd);
    Ok(passwd.lines().any(|line| line.split(':').nth(2) == Some(number)))
}

fn workdir(image: &AssembledImage) -> Option<String> {
    let of_base = || {
        let config = image.base.as_ref()?.config.as_ref()?.json();
        Some(config.pointer("/config/WorkingDir")?.as_str()?.to_owned())
    };
    image.settings.workdir.clone().or_else(of_base)
}
