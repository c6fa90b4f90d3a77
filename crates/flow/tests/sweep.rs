//! Orphaned packs go, once it is certain that they are orphans; packs that rows name never do.

use crate::world::{World, issue};
use kvit_flow::sweep;

#[tokio::test]
async fn orphans_go_once_the_run_is_issued() {
    let world = World::new(7);
    let run = world.released("october").await;
    let (store, archive) = (world.store().await, world.archive());
    let orphan = format!("runs/{run}/00001-0123456789abcdef.zip");
    let stranger = format!("runs/{run}x/00001-0123456789abcdef.zip");
    for object in [&orphan, &stranger] {
        archive
            .put(object, vec![1; 9].into())
            .await
            .expect("written");
    }
    let swept = sweep(&store, archive.as_ref(), &run).await;
    assert_eq!(swept.expect("swept"), 0, "it may be about to be named");
    archive.read(&orphan, 0..9).await.expect("still there");

    issue(&world.issuer("worker").await).await.expect("issued");
    let before = world.issued(&run).await;
    archive.read(&orphan, 0..9).await.expect_err("gone");
    archive.read(&stranger, 0..9).await.expect("of another run");
    assert_eq!(
        world.issued(&run).await,
        before,
        "every bill is still there"
    );
    let again = sweep(&store, archive.as_ref(), &run).await;
    assert_eq!(again.expect("swept"), 0);
}
