//! The account of the machine that a command runs under: all that is known of who gives it.

/// Who does what a command does, as the audit trail names them: nobody has checked it.
pub(super) fn at_the_console() -> String {
    let account = account().unwrap_or_else(|| "unknown".to_owned());
    format!("console:{account}")
}

/// The account that this process runs under, as the system names it.
pub(super) fn account() -> Option<String> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        let uid = std::fs::metadata("/proc/self").ok()?.uid().to_string();
        let accounts = std::fs::read_to_string("/etc/passwd").ok()?;
        let named = accounts.lines().find_map(|line| {
            let mut fields = line.split(':');
            let name = fields.next()?;
            (fields.nth(1)? == uid).then(|| name.to_owned())
        });
        if named.is_some() {
            return named;
        }
    }
    std::env::var("USER").ok().filter(|name| !name.is_empty())
}
