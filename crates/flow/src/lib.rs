//! The order of the stages: import, release, issue, deliver
