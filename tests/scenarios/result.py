"""What one run of a scenario came to."""

from dataclasses import asdict, dataclass, field


@dataclass(frozen=True, kw_only=True)
class Result:
    """Figures of the judge, and what follows from them.

    bound     the most duplicates the promise allows in this run
    breaches  what was promised and not kept, in words; none: the run is good
    notes     further figures of the scenario
    """

    scenario: str
    scale: str
    seed: int
    run: int = 1
    produced: int
    accepted: int
    dead_lettered: int
    lost: int
    violations: int
    duplicates: int
    bound: int
    seconds: float
    breaches: tuple[str, ...] = ()
    notes: dict[str, object] = field(default_factory=dict)

    @property
    def is_good(self):
        return not self.breaches

    def as_json(self):
        return asdict(self)

    def line(self):
        figures = (
            f"{self.scenario:22} run {self.run} seed {self.seed}: produced {self.produced},"
            f" accepted {self.accepted}, dead-lettered {self.dead_lettered}, lost {self.lost},"
            f" violations {self.violations}, duplicates {self.duplicates} (bound {self.bound}),"
            f" {self.seconds:.0f} s"
        )
        notes = "".join(f"; {name} {value}" for name, value in self.notes.items())
        breaches = "".join(f"\n    BREACH {breach}" for breach in self.breaches)
        return figures + notes + breaches
