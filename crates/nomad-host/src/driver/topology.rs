//! The host's processors, as Nomad 1.7 and later tell drivers about them.

use linux_host::cpu::{self, Processor};
use nomad_proto::pb::base::{ClientTopology, ClientTopologyCore, CoreGrade};

/// Asks the kernel; a host without clock rates counts 1000 MHz per core.
pub(super) fn local() -> ClientTopology {
    let cores = cpu::processors().unwrap_or_default().iter().map(core).collect();
    ClientTopology { node_ids: vec![0], cores, ..ClientTopology::default() }
}

/// All cores together, in MHz: what Nomad counts a task's share against.
pub fn total_compute_mhz() -> u32 {
    let total: u64 = local().cores.iter().map(|core| core.base_speed).sum();
    u32::try_from(total).unwrap_or(u32::MAX)
}

const UNKNOWN_SPEED: u64 = 1000;

fn core(processor: &Processor) -> ClientTopologyCore {
    let speed = processor.megahertz.and_then(|speed| format!("{:.0}", speed.trunc()).parse().ok());
    let speed = speed.filter(|speed| *speed > 0).unwrap_or(UNKNOWN_SPEED);
    ClientTopologyCore {
        socket_id: processor.socket,
        node_id: 0,
        core_id: processor.id,
        core_grade: CoreGrade::Performance.into(),
        disable: false,
        base_speed: speed,
        max_speed: speed,
        guess_speed: speed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_processor_is_a_core_with_its_clock_rate() {
        let seen = |megahertz| core(&Processor { id: 3, socket: 1, megahertz }).base_speed;
        assert_eq!((seen(Some(2649.998)), seen(Some(0.0)), seen(None)), (2649, UNKNOWN_SPEED, UNKNOWN_SPEED));
        let one = core(&Processor { id: 3, socket: 1, megahertz: None });
        assert_eq!((one.core_id, one.socket_id), (3, 1));
    }
}
