//! Tests of how long and how slow bodies may be.

use futures::TryStreamExt;

use super::*;

fn every(pause: Duration, piece: &'static [u8]) -> impl Stream<Item = Result<Bytes, SourceError>> + Send {
    stream::unfold((), move |()| async move {
        tokio::time::sleep(pause).await;
        Some((Ok(Bytes::from_static(piece)), ()))
    })
    .boxed()
}

#[tokio::test]
async fn what_is_there_already_is_skipped() {
    let pieces = ["abc", "de", "fgh"].map(|piece| Ok(Bytes::from_static(piece.as_bytes())));
    let rest: Vec<Bytes> = skip(stream::iter(pieces), 4).try_collect().await.unwrap();
    assert_eq!(rest.concat(), b"efgh");
}

#[tokio::test]
async fn a_body_that_never_ends_is_left_at_its_limit() {
    let endless = stream::repeat(Ok(Bytes::from_static(&[7; 1000])));
    assert_eq!(joined(endless, 10_000).await, Ok(None));
    let whole = stream::iter([Ok(Bytes::from_static(&[7; 1000]))]);
    assert_eq!(joined(whole, 1000).await.unwrap().unwrap().len(), 1000);
}

#[tokio::test(start_paused = true)]
async fn a_blob_that_trickles_for_ever_ends() {
    let trickle = paced(every(Duration::from_secs(1), b"a"), "HOST".to_owned());
    let begin = Instant::now();
    let error = trickle.try_collect::<Vec<_>>().await.unwrap_err();
    expect_test::expect![[r#"Passing("HOST gives fewer than 65536 bytes in a minute")"#]]
        .assert_eq(&format!("{error:?}"));
    assert_eq!(begin.elapsed(), Duration::from_secs(60));
}

#[tokio::test(start_paused = true)]
async fn a_slow_blob_goes_on_and_a_reader_that_waits_does_not_count() {
    let slow = paced(every(Duration::from_secs(1), &[7; 1200]), "HOST".to_owned());
    let pieces: Vec<_> = slow.take(600).try_collect().await.unwrap();
    assert_eq!(pieces.len(), 600);
    let fast = paced(every(Duration::from_millis(1), b"a"), "HOST".to_owned());
    let mut fast = std::pin::pin!(fast);
    for _ in 0..10 {
        fast.next().await.unwrap().unwrap();
        tokio::time::sleep(Duration::from_secs(60)).await;
    }
}

#[test]
fn a_page_is_told_from_a_document() {
    for page in ["<html>", " \r\n<!DOCTYPE html>", "\u{feff}<html>"] {
        assert!(is_page(page.as_bytes()), "{page}");
    }
    for document in ["{}", "", " {\"a\":\"<html>\"}", "upstream error"] {
        assert!(!is_page(document.as_bytes()), "{document}");
    }
}
