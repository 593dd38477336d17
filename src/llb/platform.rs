//! Platforms on the wire, so that [`Platform`] itself need not know of BuildKit.

use crate::oci::Platform;
use crate::proto::pb;

impl From<&Platform> for pb::Platform {
    fn from(platform: &Platform) -> Self {
        Self {
            architecture: platform.architecture.clone(),
            os: platform.os.clone(),
            variant: platform.variant.clone(),
            ..Self::default()
        }
    }
}
