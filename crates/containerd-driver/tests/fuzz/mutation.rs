//! Valid documents, damaged at random: bytes changed, cut out, doubled, mixed with those of another one.

use rand::Rng;
use rand::rngs::StdRng;

/// The longest document that comes out, in bytes.
const LONGEST: usize = 64 * 1024;

/// Bytes at which decoders err: the ends of their ranges.
const EDGES: [u8; 8] = [0x00, 0x01, 0x7f, 0x80, 0xc1, 0xdf, 0xfe, 0xff];

/// What documents are made from.
pub(crate) struct Corpus {
    /// Whole, valid ones.
    pub(crate) documents: Vec<Vec<u8>>,
    /// Words of the language, to be put anywhere; among them lengths that nothing follows.
    pub(crate) words: Vec<Vec<u8>>,
    /// What opens one level more, to be repeated.
    pub(crate) openings: Vec<Vec<u8>>,
}

impl Corpus {
    /// A document with one to eight kinds of damage.
    pub(crate) fn damaged(&self, random: &mut StdRng) -> Vec<u8> {
        let mut bytes = pick(&self.documents, random).clone();
        for _ in 0..random.random_range(1..=8) {
            self.damage(&mut bytes, random);
            bytes.truncate(LONGEST);
        }
        bytes
    }

    fn damage(&self, bytes: &mut Vec<u8>, random: &mut StdRng) {
        let place = random.random_range(0..=bytes.len());
        let end = (place + random.random_range(0..=32)).min(bytes.len());
        match random.random_range(0..8) {
            0 => insert(bytes, place, &pick(&self.words, random).clone()),
            1 => replace(bytes, place, end, &pick(&self.words, random).clone()),
            2 => replace(bytes, place, end, &[]),
            3 => {
                let piece = bytes[place..end].to_vec();
                let elsewhere = random.random_range(0..=bytes.len());
                insert(bytes, elsewhere, &piece);
            }
            4 => {
                let other = pick(&self.documents, random);
                bytes.truncate(place);
                bytes.extend(&other[random.random_range(0..=other.len())..]);
            }
            5 => {
                let levels = random.random_range(1..=4096);
                insert(bytes, place, &pick(&self.openings, random).repeat(levels));
            }
            6 => insert(bytes, place, &[*pick(&EDGES, random)]),
            _ => match bytes.get_mut(place) {
                Some(byte) => *byte ^= 1 << random.random_range(0..8),
                None => bytes.push(random.random()),
            },
        }
    }
}

fn insert(bytes: &mut Vec<u8>, place: usize, piece: &[u8]) {
    replace(bytes, place, place, piece);
}

fn replace(bytes: &mut Vec<u8>, from: usize, to: usize, piece: &[u8]) {
    bytes.splice(from..to, piece.iter().copied());
}

fn pick<'a, T>(list: &'a [T], random: &mut StdRng) -> &'a T {
    &list[random.random_range(0..list.len())]
}
