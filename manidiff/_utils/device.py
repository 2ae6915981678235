"""From the parameter `device` to a torch device."""

import torch


def resolve_device(device: str | torch.device) -> torch.device:
    """Return the torch device that `device` names, or raise if it is not there.

    Parameters
    ----------
    device : str or torch.device
        "auto" takes CUDA where there is one and the CPU otherwise; any other value
        is handed to torch ("cpu", "cuda", "cuda:1", "mps").

    Returns
    -------
    device : torch.device
        The device, checked to be usable.

    Raises
    ------
    ValueError
        If torch does not know the name or the machine lacks the device.
    """
    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        resolved = torch.device(device)
        torch.empty(0, device=resolved)
    except (RuntimeError, AssertionError, NotImplementedError, TypeError) as error:
        raise ValueError(
            f"device={device!r} is not available on this machine "
            f"({str(error).splitlines()[0]}). Use device='cpu' or device='auto'."
        ) from error
    return resolved
