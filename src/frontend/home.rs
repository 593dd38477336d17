//! HOME of images: engines take it from the passwd file, and give `/` to whoever is not in there.

use crate::frontend::accounts::read_accounts;
use crate::frontend::assembly::AssembledImage;
use crate::frontend::gateway::Solved;
use crate::frontend::session::Session;
use crate::image_spec::{ImageSpec, Profile};
use crate::plan::{Edit, PASSWD, TASK_USER};
use crate::text::{Diagnostic, Failure};

/// Sets HOME of an image whose spec names a user, so that those have it too who run the image under a number of their
/// own: the user's home, or the working directory if the user is a number that is not in the passwd file. Images of root
/// are left alone: they are run as other users with homes of their own.
pub(super) async fn set_home(session: &Session, spec: &ImageSpec, image: &mut AssembledImage) -> Result<(), Failure> {
    let user = image.settings.user.as_deref().unwrap_or_default();
    let user = user.split(':').next().unwrap_or_default().to_owned();
    let home = match user.as_str() {
        "" | "0" | "root" => None,
        // The step that makes this user sees to it.
        TASK_USER if spec.all().any(|spec| spec.profile == Profile::Flyte) => Some(format!("/home/{TASK_USER}")),
        _ => home_of(session, spec, image, &user).await?,
    };
    if let Some(home) = home.filter(|path| path.starts_with('/') && path != "/") {
        image.settings.environment.push(Edit::default("HOME", home));
    }
    Ok(())
}

async fn home_of(
    session: &Session,
    spec: &ImageSpec,
    image: &AssembledImage,
    user: &str,
) -> Result<Option<String>, Failure> {
    let tree = session.client.solve(image.users.as_ref()).await?;
    let passwd = read_accounts(session, &tree, PASSWD).await?;
    let entry = passwd.lines().find(|line| is_of(line, user));
    match entry.and_then(|line| line.split(':').nth(5)) {
        Some(home) => Ok(is_open(session, &tree, home).await.then(|| home.to_owned())),
        None if user.parse::<u32>().is_ok() => Ok(workdir(image)),
        None => {
            let message = format!("the image's {PASSWD} has no user {user}: containers will not start");
            let warning = Diagnostic::warning("unknown-user", message)
                .at_known(spec.all().find_map(|spec| Some(spec.user.as_ref()?.span)))
                .help("make the user in `setup_commands`, or give its number");
            session.warn(&warning).await?;
            Ok(None)
        }
    }
}

/// Whether a line of a passwd file is that of a user, by name or number.
fn is_of(line: &str, user: &str) -> bool {
    let mut fields = line.split(':');
    fields.next() == Some(user) || fields.nth(1) == Some(user)
}

/// Whether everybody of group 0 may enter a home; one that does not exist is no worse than `/`. Programs that find
/// it closed fail where they would pass over a home without their files.
async fn is_open(session: &Session, tree: &Solved, home: &str) -> bool {
    let found = session.client.stat(tree, home.trim_start_matches('/')).await;
    let Ok(Some(found)) = found else {
        return true;
    };
    let bit = if found.gid == 0 { 0o010 } else { 0o001 };
    found.mode & bit != 0
}

fn workdir(image: &AssembledImage) -> Option<String> {
    let of_base = || {
        let config = image.base.as_ref()?.config.as_ref()?.json();
        Some(config.pointer("/config/WorkingDir")?.as_str()?.to_owned())
    };
    image.settings.workdir.clone().or_else(of_base)
}
