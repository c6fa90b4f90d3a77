//! The pack archive on an object store
