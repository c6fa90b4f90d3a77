//! Kinds of faults by stable names: what a file is held to, for machines and for the texts that say it.

/// Makes an enum of checks, with the stable name of each and the list of all. Pages and the command line have a
/// text for each name (`web/src/findings.rs`).
#[macro_export]
macro_rules! checks {
    ($(#[$meta:meta])* $vis:vis enum $all:ident { $($check:ident $name:literal,)* }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        $vis enum $all {
            $(#[doc = concat!("`", $name, "`")] $check,)*
        }

        impl $all {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$check,)*];

            /// Its stable name, for machines and texts.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$check => $name,)*
                }
            }
        }

        impl ::serde::Serialize for $all {
            fn serialize<S: ::serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                to.serialize_str(self.as_str())
            }
        }
    };
}
