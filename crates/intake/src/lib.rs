//! Run-file bytes to bill orders, or all diagnostics with place and remedy
