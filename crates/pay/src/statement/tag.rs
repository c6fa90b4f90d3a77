//! Tags by their names, with what little is read of their attributes.

use quick_xml::events::BytesStart;

/// The names that mean something here, in order. Any other is [`OTHER`].
const NAMES: &[&str] = &[
    "Acct",
    "AcctSvcrRef",
    "AddtlNtryInf",
    "AddtlTxInf",
    "Amt",
    "AmtDtls",
    "Bal",
    "BkToCstmrDbtCdtNtfctn",
    "BkToCstmrStmt",
    "BkTxCd",
    "BookgDt",
    "Btch",
    "Ccy",
    "Cd",
    "CdOrPrtry",
    "CdtDbtInd",
    "Cdtr",
    "CdtrAcct",
    "CdtrRefInf",
    "CreDtTm",
    "CstmrPmtStsRpt",
    "Dbtr",
    "DbtrAcct",
    "Document",
    "Domn",
    "Dt",
    "DtTm",
    "EndToEndId",
    "Fmly",
    "FrDtTm",
    "FrToDt",
    "GrpHdr",
    "GrpSts",
    "IBAN",
    "Id",
    "InstdAmt",
    "MsgId",
    "Nm",
    "Ntfctn",
    "Ntry",
    "NtryDtls",
    "NtryRef",
    "OrgnlCtrlSum",
    "OrgnlEndToEndId",
    "OrgnlGrpInfAndSts",
    "OrgnlMsgId",
    "OrgnlPmtInfAndSts",
    "OrgnlPmtInfId",
    "OrgnlTxRef",
    "Othr",
    "PmtInfId",
    "PmtInfSts",
    "Prtry",
    "Pty",
    "Ref",
    "Refs",
    "RltdPties",
    "RmtInf",
    "Rsn",
    "RtrInf",
    "RvslInd",
    "Stmt",
    "Strd",
    "Sts",
    "StsRsnInf",
    "SubFmlyCd",
    "ToDtTm",
    "Tp",
    "TxAmt",
    "TxDtls",
    "TxId",
    "TxInfAndSts",
    "TxSts",
    "UltmtDbtr",
    "Ustrd",
    "ValDt",
];
/// A name that means nothing here.
pub(super) const OTHER: &str = "?";

/// The outermost element.
#[derive(Clone, Debug, Default)]
pub(super) struct Root {
    /// Its name as it stands there.
    pub(super) name: String,
    /// Its name space.
    pub(super) space: String,
}

/// What is needed of a tag.
pub(super) struct Tag {
    pub(super) name: &'static str,
    pub(super) currency: Option<String>,
    pub(super) root: Root,
}

impl Tag {
    pub(super) fn of(tag: &BytesStart<'_>, is_root: bool) -> Self {
        let local = tag.local_name();
        let local: &str = local.as_ref();
        let name = NAMES.binary_search(&local).map_or(OTHER, |at| NAMES[at]);
        let mut root = Root::default();
        if is_root {
            root.name = local.chars().take(60).collect();
            let full = tag.name();
            let full: &str = full.as_ref();
            let declared = match full.split_once(':') {
                Some((prefix, _)) => format!("xmlns:{prefix}"),
                None => "xmlns".to_owned(),
            };
            root.space = attribute(tag, &declared).unwrap_or_default();
        }
        // Attributes are looked at where they mean something: comparing all of them costs the square.
        let currency = if name == "Amt" {
            attribute(tag, "Ccy")
        } else {
            None
        };
        Self {
            name,
            currency,
            root,
        }
    }
}

fn attribute(tag: &BytesStart<'_>, name: &str) -> Option<String> {
    let mut all = tag.attributes();
    let found = all
        .with_checks(false)
        .flatten()
        .find(|attribute| attribute.key.as_ref() == name)?;
    Some(found.value.trim().chars().take(100).collect())
}

#[cfg(test)]
mod tests {
    #[test]
    fn names_can_be_looked_up() {
        assert!(super::NAMES.is_sorted());
    }
}
