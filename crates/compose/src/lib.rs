//! A bill order and a layout to deterministic PDF bytes
