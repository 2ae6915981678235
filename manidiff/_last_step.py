"""What `SamplingPipeline` asks of its last step."""

from manidiff._utils.draws import accepts, draw_rows


def last_step_has(method):
    """Return a check, for `available_if`, that the last step has a method."""

    def check(pipeline):
        # Where there is no such method, its own AttributeError says so best.
        getattr(pipeline.steps[-1][1], method)
        return True

    return check


def is_generative(estimator):
    """Return whether an estimator can be drawn from and has densities."""
    return hasattr(estimator, "sample") and hasattr(estimator, "score_samples")


def draw(last_step, n_samples, random_state, options):
    """Return rows drawn from the last step, a pair of name and estimator.

    A TypeError names the first of the options, a dict, that it does not take.
    """
    name, estimator = last_step
    for option, value in options.items():
        if not accepts(estimator.sample, option):
            raise TypeError(
                f"{option}={value!r} does not go with the last step {name!r}: "
                f"{type(estimator).__name__}.sample takes no {option}. Leave it out."
            )
    if options:
        return estimator.sample(n_samples, random_state=random_state, **options)
    return draw_rows(estimator, n_samples, random_state)
