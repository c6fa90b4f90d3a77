//! An invented operator, its customers and their believable bills
