"""Write times of a clip as players do."""


def moment(seconds: float) -> str:
    """Minutes and seconds, and hours where there are any.

    Example:
        >>> moment(12.04), moment(3723.5)
        ('0:12.0', '1:02:03.5')
    """
    tenths = round(seconds * 10)
    minutes, rest = divmod(tenths, 600)
    hours, minutes = divmod(minutes, 60)
    shown = f"{rest // 10:02}.{rest % 10}"
    return f"{hours}:{minutes:02}:{shown}" if hours else f"{minutes}:{shown}"
