//! Which manifest of an index runs here.

use super::model::{Descriptor, Platform, REFERENCE_TYPE};

/// Platforms of an index that are named.
const SOME: usize = 12;
/// Longest part of a platform's name that is shown, in characters.
const LONGEST_PART: usize = 20;

/// What this host runs, in Go's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Host {
    architecture: &'static str,
    /// Highest level of the architecture that this processor has: 1 to 4 for amd64, 8 and up for arm64.
    level: u32,
}

impl Host {
    /// This host.
    pub(crate) fn this() -> Self {
        let architecture = match std::env::consts::ARCH {
            "x86_64" => "amd64",
            "aarch64" => "arm64",
            "x86" => "386",
            "powerpc64" => "ppc64le",
            other => other,
        };
        let level = match architecture {
            "amd64" => amd64_level(),
            "arm64" => 8,
            _ => 0,
        };
        Self { architecture, level }
    }

    /// The platform, for people.
    pub(crate) fn name(&self) -> String {
        format!("linux/{}", self.architecture)
    }

    /// Whether an image that says this of itself runs here; one that says nothing may.
    pub(crate) fn runs(&self, platform: &Platform) -> bool {
        let unsaid = platform.architecture.is_empty() || platform.os.is_empty();
        unsaid || self.rank(platform).is_some()
    }

    /// The manifest of an index that fits best: the plain architecture before its levels, as containerd chooses, then
    /// the highest level that the processor has, and last what says nothing of its platform.
    pub(crate) fn choose<'a>(&self, manifests: &'a [Descriptor]) -> Option<&'a Descriptor> {
        // What tells of an image, as an attestation, is none itself.
        let images = manifests.iter().filter(|entry| !entry.annotations.contains_key(REFERENCE_TYPE));
        let ranked = images.filter_map(|descriptor| {
            let rank = match &descriptor.platform {
                Some(platform) if *platform != Platform::default() => self.rank(platform)?,
                _ => u32::MAX,
            };
            Some((rank, descriptor))
        });
        ranked.min_by_key(|(rank, _)| *rank).map(|(_, descriptor)| descriptor)
    }

    /// How well a platform fits, 0 is best; none when it does not run here.
    fn rank(&self, platform: &Platform) -> Option<u32> {
        let os = platform.os.to_ascii_lowercase();
        let architecture = platform.architecture.to_ascii_lowercase();
        if !matches!(os.as_str(), "linux" | "") || normal(&architecture) != self.architecture {
            return None;
        }
        let base = if self.architecture == "arm64" { 8 } else { 1 };
        let level = match platform.variant.strip_prefix('v') {
            None if platform.variant.is_empty() => base,
            None => return None,
            // Parts of a level do not count: v8.2 is given for arm64 by some tools.
            Some(level) => level.split('.').next()?.parse().ok()?,
        };
        if level == base {
            Some(0)
        } else if level <= self.level {
            Some(1 + self.level - level)
        } else {
            None
        }
    }
}

/// Go's word for an architecture that has several.
fn normal(architecture: &str) -> &str {
    match architecture {
        "x86_64" | "x86-64" => "amd64",
        "aarch64" => "arm64",
        "i386" => "386",
        other => other,
    }
}

/// The platforms of an index for people, some of them when they are many.
pub(crate) fn names(manifests: &[Descriptor]) -> String {
    let platforms = manifests.iter().filter_map(|entry| entry.platform.as_ref());
    let known = platforms.filter(|platform| platform.os != "unknown");
    let names: Vec<String> = known.take(SOME).map(name).collect();
    names.join(", ")
}

/// A platform for people. What images say may be anything.
pub(crate) fn name(platform: &Platform) -> String {
    let Platform { os, architecture, variant } = platform;
    let parts = [os, architecture, variant].into_iter().filter(|part| !part.is_empty());
    let shown = |part: &String| part.chars().filter(|c| !c.is_control()).take(LONGEST_PART).collect();
    parts.map(shown).collect::<Vec<String>>().join("/")
}

/// The micro-architecture level of this processor (x86-64 psABI, section 3.1.1).
#[cfg(target_arch = "x86_64")]
fn amd64_level() -> u32 {
    macro_rules! has {
        ($($feature:tt),*) => { $(std::arch::is_x86_feature_detected!($feature))&&* };
    }
    if !has!("cmpxchg16b", "popcnt", "sse3", "sse4.1", "sse4.2", "ssse3") {
        1
    } else if !has!("avx", "avx2", "bmi1", "bmi2", "f16c", "fma", "lzcnt", "movbe") {
        2
    } else if !has!("avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl") {
        3
    } else {
        4
    }
}

#[cfg(not(target_arch = "x86_64"))]
fn amd64_level() -> u32 {
    1
}

#[cfg(test)]
mod tests {
    use super::*;

    const AMD64: Host = Host { architecture: "amd64", level: 3 };
    const ARM64: Host = Host { architecture: "arm64", level: 8 };

    fn index(platforms: &[&str]) -> Vec<Descriptor> {
        let descriptor = |text: &&str| {
            let mut parts = text.split('/');
            let mut part = || parts.next().unwrap_or_default().to_owned();
            let platform = Platform { os: part(), architecture: part(), variant: part() };
            Descriptor { digest: (*text).to_owned(), platform: Some(platform), ..Descriptor::default() }
        };
        platforms.iter().map(descriptor).collect()
    }

    fn chosen(host: &Host, platforms: &[&str]) -> Option<String> {
        host.choose(&index(platforms)).map(|descriptor| descriptor.digest.clone())
    }

    #[test]
    fn the_hosts_architecture_is_chosen() {
        let platforms = ["linux/arm64/v8", "windows/amd64", "linux/amd64", "linux/arm/v7", "unknown/unknown"];
        assert_eq!(chosen(&AMD64, &platforms).unwrap(), "linux/amd64");
        assert_eq!(chosen(&ARM64, &platforms).unwrap(), "linux/arm64/v8");
    }

    #[test]
    fn the_plain_architecture_goes_before_its_levels() {
        assert_eq!(
            chosen(&AMD64, &["linux/amd64/v3", "linux/amd64/v2", "linux/amd64/v1"]).unwrap(),
            "linux/amd64/v1"
        );
        assert_eq!(
            chosen(&AMD64, &["linux/amd64/v4", "linux/amd64/v2", "linux/amd64/v3"]).unwrap(),
            "linux/amd64/v3"
        );
        assert_eq!(chosen(&ARM64, &["linux/arm64", "linux/arm64/v9"]).unwrap(), "linux/arm64");
    }

    #[test]
    fn levels_that_the_processor_lacks_do_not_fit() {
        assert_eq!(chosen(&AMD64, &["linux/amd64/v4", "linux/s390x"]), None);
        assert_eq!(chosen(&ARM64, &["linux/arm64/v9", "linux/arm/v7"]), None);
    }

    #[test]
    fn what_says_nothing_of_its_platform_is_the_last_resort() {
        let mut manifests = index(&["linux/s390x"]);
        manifests.push(Descriptor { digest: "plain".into(), ..Descriptor::default() });
        assert_eq!(AMD64.choose(&manifests).unwrap().digest, "plain");
        manifests.extend(index(&["linux/amd64"]));
        assert_eq!(AMD64.choose(&manifests).unwrap().digest, "linux/amd64");
    }

    #[test]
    fn what_tells_of_an_image_is_none_wherever_it_stands() {
        let mut manifests = index(&["unknown/unknown", "linux/amd64", "linux/arm64"]);
        manifests[1].annotations.insert(REFERENCE_TYPE.into(), "attestation-manifest".into());
        assert_eq!(AMD64.choose(&manifests), None);
        manifests.extend(index(&["LINUX/x86_64"]));
        assert_eq!(AMD64.choose(&manifests).unwrap().digest, "LINUX/x86_64");
        assert_eq!(names(&manifests), "linux/amd64, linux/arm64, LINUX/x86_64");
    }

    #[test]
    fn this_host_runs_images_of_its_own_platform() {
        let host = Host::this();
        let own =
            Platform { os: "linux".into(), architecture: host.architecture.into(), variant: String::new() };
        assert!(host.runs(&own));
        assert!(host.runs(&Platform::default()), "an image that says nothing may run");
        assert!(!host.runs(&Platform { os: "plan9".into(), ..own }));
    }
}
