//! Scanned declarations come in: bad pages leave the good ones, each page counts once, and a death at any place leaves
//! nothing half.

mod world;

use std::{io::Cursor, sync::Arc};

use datamatrix::{DataMatrix, SymbolList};
use kvit_billing::{PaperCode, ports::Clock};
use kvit_flow::{
    ScanImport,
    ports::{Checkpoints, NoCheckpoints},
    read_scan,
    scans::sha256,
};
use kvit_store::{NewScanFile, ScanFault, ScanReport, ScanState, Store};
use tiff::encoder::{TiffEncoder, colortype};
use world::{
    World,
    faults::{DieAt, died},
};

const W: u32 = 620;
const H: u32 = 877;
const EIK: &str = "999900017";

/// A page, A4 at 75 dpi, with a code and some lines.
fn page(says: Option<&str>, mark: u32) -> Vec<u8> {
    let mut luma = vec![255_u8; (W * H) as usize];
    let mut fill = |x: u32, y: u32, w: u32, h: u32| {
        for row in y..y + h {
            let start = (row * W + x) as usize;
            luma[start..start + w as usize].fill(0);
        }
    };
    for line in 0..20 {
        fill(60, 60 + line * 20, 300 + mark, 3);
    }
    if let Some(says) = says {
        let code = DataMatrix::encode(says.as_bytes(), SymbolList::default().enforce_square());
        for (x, y) in code.expect("fits").bitmap().pixels() {
            let (x, y) = (
                u32::try_from(x).expect("small"),
                u32::try_from(y).expect("small"),
            );
            fill(450 + x * 4, 700 + y * 4, 4, 4);
        }
    }
    luma
}

fn code(account: u32) -> String {
    format!("KVIT1;{EIK};{account};4211000001")
}

/// A post bag: a declaration, one of another operator, one whose code nobody can read, an empty back, and the first again.
fn bag() -> Vec<u8> {
    let mut file = Cursor::new(Vec::new());
    let mut encoder = TiffEncoder::new(&mut file).expect("begun");
    for page in [
        page(Some(&code(1_000_000_001)), 1),
        page(Some("KVIT1;111111111;1000000009;4211000001"), 2),
        page(None, 3),
        vec![255; (W * H) as usize],
        page(Some(&code(1_000_000_001)), 1),
    ] {
        encoder
            .write_image::<colortype::Gray8>(W, H, &page)
            .expect("written");
    }
    file.into_inner()
}

async fn bring(
    world: &World,
    store: &Store,
    n: u32,
    bytes: &[u8],
    checkpoints: &dyn Checkpoints,
) -> ScanReport {
    let archive = world.archive();
    let import = ScanImport {
        store,
        archive: archive.as_ref(),
        clock: world.clock.as_ref(),
        checkpoints,
        eik: EIK.to_owned(),
        public_url: "https://bills.example.bg".to_owned(),
    };
    let file = NewScanFile {
        id: format!("{n:032x}").parse().expect("an id"),
        name: "bag.tif".to_owned(),
        sha256: sha256(bytes),
        by: "c.petrova".to_owned(),
        at: world.clock.now(),
    };
    import.begin(&file).await.expect("begun");
    import
        .read(&file, bytes.to_vec(), &|_| ())
        .await
        .expect("read")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_page_waits_once_and_is_told_again() {
    let world = World::new(3);
    let store = world.store().await;
    let report = bring(&world, &store, 1, &bag(), &NoCheckpoints).await;
    let right = ScanReport {
        kept: 3,
        without_code: 2,
        known: 1,
        blank: 1,
        faults: Vec::new(),
    };
    assert_eq!(report, right);
    let waiting = store.scans_in(ScanState::Waiting, 10).await.expect("pages");
    let first = waiting.iter().find(|found| found.scan.page == 1);
    let first = &first.expect("kept").scan;
    let said: PaperCode = code(1_000_000_001).parse().expect("a code");
    assert_eq!(first.account.as_ref(), Some(&said.account));
    assert_eq!(first.code.as_ref(), Some(&said));
    let picture = read_scan(world.archive().as_ref(), first).await;
    assert!(picture.expect("kept").starts_with(b"\x89PNG"));
    // Another file with the same pages.
    let again = bring(&world, &store, 2, &bag(), &NoCheckpoints).await;
    assert_eq!((again.kept, again.known, again.blank), (0, 4, 1));
    // What is in the archive was changed by hand.
    let path = world.path().join("archive").join(&first.object);
    if path.exists() {
        std::fs::write(&path, vec![0; first.bytes as usize]).expect("written");
        assert!(read_scan(world.archive().as_ref(), first).await.is_err());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_read_is_told_and_leaves_the_others() {
    let world = World::new(3);
    let store = world.store().await;
    let whole = bag();
    let none = bring(&world, &store, 1, b"hello", &NoCheckpoints).await;
    let fault = |page, word: &str| ScanFault {
        page,
        word: word.to_owned(),
    };
    assert_eq!(none.faults, [fault(None, "format")]);
    // Cut off within its pages: the encoder writes each page's data before its directory.
    let cut = bring(&world, &store, 2, &whole[..whole.len() / 2], &NoCheckpoints).await;
    assert!(cut.kept >= 1, "{cut:?}");
    assert_eq!(cut.faults.len(), 1, "{cut:?}");
    assert_eq!(cut.faults[0].word, "broken");
    assert!(
        store
            .scan_files(9)
            .await
            .expect("files")
            .iter()
            .all(|file| file.finished_at.is_some())
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_death_at_any_place_leaves_nothing_half() {
    let mut places = Vec::new();
    for n in 1.. {
        let world = Arc::new(World::new(3));
        let store = world.store().await;
        let dying = DieAt::new(n);
        let task = {
            let (world, store, dying) = (Arc::clone(&world), store.clone(), Arc::clone(&dying));
            tokio::spawn(async move { bring(&world, &store, 1, &bag(), dying.as_ref()).await })
        };
        if died(task.await).is_some() {
            break;
        }
        places.push(dying.place().expect("a place"));
        // Whatever a row names is there, whole.
        for found in store.scans_in(ScanState::Waiting, 10).await.expect("pages") {
            let picture = read_scan(world.archive().as_ref(), &found.scan).await;
            assert!(picture.is_ok(), "died at {:?}", places.last());
        }
        let file = store.scan_files(9).await.expect("files").remove(0);
        assert_eq!(file.finished_at, None, "it is told that it was cut off");
        let again = bring(&world, &store, 2, &bag(), &NoCheckpoints).await;
        assert_eq!(again.kept + again.known, 4);
        let waiting = store.scan_counts().await.expect("counts").waiting;
        assert_eq!(waiting, 3, "died at {:?}", places.last());
    }
    assert_eq!(places.len(), 9, "{places:?}");
}
