//! `kvit layout`: for whoever changes how bills look.

mod check;
mod export;
mod preview;
mod versions;

use std::path::{Path, PathBuf};

use kvit_billing::Bill;
use kvit_compose::{Composer, ComposerSettings, Layout};

use crate::{
    cli::LayoutCommand,
    config::{Config, FILE},
    exit::{Exit, Failure},
    files, layouts,
    output::Output,
    trial,
    wiring::Instance,
};

pub(super) async fn command(
    out: &Output,
    dir: &Path,
    command: LayoutCommand,
) -> Result<Exit, Failure> {
    match command {
        LayoutCommand::Export(args) => export::export(out, dir, &args),
        LayoutCommand::Check(args) => check::check(out, &Bench::new(dir, args.layout.as_deref())?),
        LayoutCommand::Preview(args) => {
            preview::preview(out, &Bench::new(dir, args.layout.as_deref())?, &args).await
        }
        LayoutCommand::Bring(args) => {
            versions::bring(out, &Instance::open(dir).await?, &args).await
        }
        LayoutCommand::Try(args) => trial::alone(dir, &args.layout, &args.name),
        LayoutCommand::List => versions::list(out, &Instance::open(dir).await?).await,
        LayoutCommand::Use(args) => versions::choose(out, &Instance::open(dir).await?, &args).await,
    }
}

/// What a layout is tried with: the operator of the instance, or the invented one where there is no
/// instance.
struct Bench {
    folder: PathBuf,
    settings: ComposerSettings,
}

impl Bench {
    fn new(dir: &Path, folder: Option<&Path>) -> Result<Self, Failure> {
        let configured = match (dir.join(FILE).exists(), folder) {
            (false, Some(_)) => None,
            _ => Some(Config::read(dir)?),
        };
        let (operator, brand, logo_svg) = match &configured {
            Some(config) => (
                config.operator.clone(),
                config.brand.clone(),
                files::logo(dir, &config.brand)?,
            ),
            None => {
                let (operator, brand) = kvit_synth::operator();
                (operator, brand, None)
            }
        };
        let folder = match (folder, &configured) {
            (Some(folder), _) => folder.to_owned(),
            (None, Some(config)) => dir.join(&config.issue.layout),
            (None, None) => dir.to_owned(),
        };
        if !folder.is_dir() {
            let what = format!("there is no folder {}", folder.display());
            return Err(Failure::new(Exit::Failed, what)
                .hint("`kvit layout export` writes the built-in layout for changing"));
        }
        let settings = ComposerSettings {
            layout: Layout::builtin(),
            operator,
            brand,
            logo_svg,
            contents_reserve: layouts::CONTENTS_RESERVE,
        };
        Ok(Self { folder, settings })
    }

    /// The layout as its files are now, tried on a bill in each language.
    fn composer(&self) -> Result<Composer, Failure> {
        use crate::exit::Context;
        let what = format!("the layout in {} does not work", self.folder.display());
        let own = files::overrides(&self.folder)?;
        let layout = Layout::with_files(own).exits(Exit::Failed, what.as_str())?;
        let settings = ComposerSettings {
            layout,
            ..self.settings.clone()
        };
        Composer::new(settings).exits(Exit::Failed, what)
    }
}

/// Invented bills of every kind in each language, or of the kinds that are named.
fn bills(wanted: &[String]) -> Result<Vec<(String, Bill)>, Failure> {
    let all = layouts::bills();
    let kind = |name: &str| {
        name.rsplit_once('-')
            .map_or("", |(kind, _)| kind)
            .to_owned()
    };
    let mut known: Vec<String> = all.iter().map(|(name, _)| kind(name)).collect();
    known.dedup();
    if let Some(odd) = wanted.iter().find(|name| !known.contains(name)) {
        let hint = format!("there are: {}", known.join(", "));
        return Err(
            Failure::new(Exit::Usage, format!("there is no kind of bill {odd}")).hint(hint),
        );
    }
    let chosen = all
        .into_iter()
        .filter(|(name, _)| wanted.is_empty() || wanted.contains(&kind(name)));
    Ok(chosen.collect())
}
