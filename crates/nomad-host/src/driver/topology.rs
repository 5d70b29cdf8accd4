//! The host's processors, as Nomad 1.7 and later tell drivers about them.

use nomad_proto::pb::base::{ClientTopology, ClientTopologyCore, CoreGrade};

/// Reads `/proc/cpuinfo` (proc(5)); a host without clock rates counts 1000 MHz per core.
pub(super) fn local() -> ClientTopology {
    parse(&std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default())
}

/// All cores together, in MHz: what Nomad counts a task's share against.
pub fn total_compute_mhz() -> u32 {
    let total: u64 = local().cores.iter().map(|core| core.base_speed).sum();
    u32::try_from(total).unwrap_or(u32::MAX)
}

const UNKNOWN_SPEED: u64 = 1000;

fn parse(cpuinfo: &str) -> ClientTopology {
    let mut cores = Vec::new();
    for processor in cpuinfo.split("\n\n") {
        let field = |name: &str| {
            processor.lines().find_map(|line| {
                let (key, value) = line.split_once(':')?;
                (key.trim() == name).then(|| value.trim())
            })
        };
        let Some(core_id) = field("processor").and_then(|text| text.parse().ok()) else { continue };
        let mhz = field("cpu MHz").and_then(|text| text.split('.').next()?.parse().ok());
        let speed = mhz.filter(|mhz| *mhz > 0).unwrap_or(UNKNOWN_SPEED);
        cores.push(ClientTopologyCore {
            socket_id: field("physical id").and_then(|text| text.parse().ok()).unwrap_or(0),
            node_id: 0,
            core_id,
            core_grade: CoreGrade::Performance.into(),
            disable: false,
            base_speed: speed,
            max_speed: speed,
            guess_speed: speed,
        });
    }
    ClientTopology { node_ids: vec![0], cores, ..ClientTopology::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_processor_is_a_core_with_its_clock_rate() {
        let topology = parse(
            "processor\t: 0\nphysical id\t: 1\ncpu MHz\t\t: 2649.998\n\nprocessor\t: 1\nflags\t: fpu\n\n",
        );
        let seen: Vec<_> =
            topology.cores.iter().map(|core| (core.core_id, core.socket_id, core.base_speed)).collect();
        assert_eq!(seen, [(0, 1, 2649), (1, 0, UNKNOWN_SPEED)]);
    }
}
