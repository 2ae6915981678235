"""Files whose content was changed, and whose checksum is right."""

from manidiff.persistence import container


def edited(raw, path, edit):
    """Return the bytes of a file whose content `edit(content, arrays)` changed."""
    content, arrays = container.unpack(path, raw, "estimator")
    edit(content, arrays)
    return b"".join(container.pack("estimator", content, arrays))


def set_state(name, value):
    def edit(content, arrays):
        content["state"][name] = value

    return edit


def set_parameter(name, value):
    def edit(content, arrays):
        content["parameters"][name] = value

    return edit


def set_array(name, change):
    def edit(content, arrays):
        arrays[name] = change(arrays[name])

    return edit


def take_out(name):
    def edit(content, arrays):
        content["state"].pop(name)
        for stored in [key for key in arrays if key.startswith(name)]:
            arrays.pop(stored)

    return edit
