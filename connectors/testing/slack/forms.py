"""What a person enters into a dialog, as Slack sends it."""

from typing import Any

Block = dict[str, Any]
Values = dict[str, dict[str, dict[str, Any]]]

_ONE = ("static_select", "radio_buttons")
_MANY = ("multi_static_select", "checkboxes")


def values_of(blocks: list[Block], entered: dict[str, str]) -> Values:
    """`view.state.values`: by block_id and action_id. `entered` names fields by either.

    Raises LookupError for a field that is not there, ValueError for a value that its field does not take.
    """
    values: Values = {}
    left = dict(entered)
    for block in blocks:
        if block["type"] == "input":
            element = block["element"]
            action_id = element.get("action_id", block["block_id"])
            given = left.pop(block["block_id"], left.pop(action_id, None))
            state = _state(element, given)
            if not block.get("optional") and not any(value for name, value in state.items() if name != "type"):
                raise ValueError(f"{block['block_id']} has to be filled in")
            values[block["block_id"]] = {action_id: state}
    if left:
        raise LookupError(f"the dialog has no field {', '.join(left)}; it has {', '.join(values)}")
    return values


def _state(element: Block, given: str | None) -> dict[str, Any]:
    kind = element["type"]
    if kind in _ONE:
        return {"type": kind, "selected_option": _option(element, given) if given else element.get("initial_option")}
    if kind in _MANY:
        chosen = [_option(element, value) for value in given.split(",")] if given else None
        return {"type": kind, "selected_options": element.get("initial_options", []) if chosen is None else chosen}
    if kind.endswith("_select"):
        name = kind.removesuffix("s_select")
        return {"type": kind, f"selected_{name}": given or element.get(f"initial_{name}")}
    return {"type": kind, "value": _text(element, element.get("initial_value") if given is None else given)}


def _option(element: Block, value: str) -> Block:
    groups = element.get("option_groups")
    options = [o for group in groups for o in group["options"]] if groups else element["options"]
    for option in options:
        if option["value"] == value:
            found: Block = option
            return found
    raise ValueError(f"{value!r} is none of {[option['value'] for option in options]}")


def _text(element: Block, text: str | None) -> str | None:
    length = len(text or "")
    if text and not element.get("min_length", 0) <= length <= element.get("max_length", 3_000):
        raise ValueError(f"{length} characters are too few or too many")
    return text or None
