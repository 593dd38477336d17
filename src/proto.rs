//! The wire contracts, generated from `proto/` at build time.
//!
//! Fields are documented where they are written down, in the `.proto` files.

#![allow(missing_docs, reason = "generated code; the .proto files carry the words")]
#![allow(clippy::all, reason = "generated code")]

/// LLB operations and definitions.
pub mod pb {
    tonic::include_proto!("pb");
}

/// File status.
pub mod fsutil {
    /// Package `fsutil.types`.
    pub mod types {
        tonic::include_proto!("fsutil.types");
    }
}

/// Errors with details.
pub mod google {
    /// Package `google.rpc`.
    pub mod rpc {
        tonic::include_proto!("google.rpc");
    }
}

/// BuildKit's own packages.
pub mod moby {
    /// Packages below `moby.buildkit`.
    pub mod buildkit {
        /// Version 1.
        pub mod v1 {
            /// Capabilities.
            pub mod apicaps {
                tonic::include_proto!("moby.buildkit.v1.apicaps");
            }
            /// The gateway service.
            pub mod frontend {
                tonic::include_proto!("moby.buildkit.v1.frontend");
            }
            /// Source policies.
            pub mod sourcepolicy {
                tonic::include_proto!("moby.buildkit.v1.sourcepolicy");
            }
            /// Workers.
            pub mod types {
                tonic::include_proto!("moby.buildkit.v1.types");
            }
        }
    }
}

pub use moby::buildkit::v1::frontend as gateway;
