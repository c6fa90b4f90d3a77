//! The customer portal
