//! A cluster starts, makes databases, and leaves nothing behind.

use std::{net::TcpStream, sync::Arc};

use kvit_postgres::ClusterError;

#[test]
fn a_cluster_comes_and_goes() {
    let Some(cluster) = kvit_postgres::shared().expect("PostgreSQL starts where it is installed")
    else {
        return;
    };
    let same = kvit_postgres::shared().expect("it runs").expect("it runs");
    assert!(Arc::ptr_eq(&cluster, &same));
    drop(same);
    let url = cluster.create_database("kvit_one").expect("a new database");
    assert_eq!(url, cluster.url("kvit_one"));
    assert!(matches!(
        cluster.create_database("kvit_one"),
        Err(ClusterError::Program { .. })
    ));
    for name in ["", "two words", "Ё", "x; drop"] {
        assert!(
            matches!(cluster.create_database(name), Err(ClusterError::BadName(_))),
            "{name}"
        );
    }

    let address = url
        .strip_prefix("postgres://postgres@")
        .and_then(|rest| rest.strip_suffix("/kvit_one"))
        .expect("host and port");
    assert!(TcpStream::connect(address).is_ok());
    drop(cluster);
    assert!(
        TcpStream::connect(address).is_err(),
        "the server outlived its cluster"
    );
}
