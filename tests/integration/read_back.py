"""read_back.py - rows as several sinks give them back, side by side: what chaos.py and all_sinks.py share."""
import socket


def redis_says(port, *words):
    """The answer to one command."""
    with socket.create_connection(("127.0.0.1", port), 5) as s:
        s.sendall(b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(w), w.encode()) for w in words))
        stream = s.makefile("rb")

        def read():
            line = stream.readline().rstrip(b"\r\n")
            if not line:
                raise OSError("Redis hung up")
            kind, rest = line[:1], line[1:]
            if kind == b"$":
                return stream.read(int(rest) + 2)[:-2].decode() if int(rest) >= 0 else None
            if kind == b"*":
                return [read() for _ in range(int(rest))]
            return rest.decode()
        return read()


def collected(rows, keys, table):
    """Rows by time and key. A second one with the same is a double."""
    found, doubles = {}, []
    for row in rows:
        key = (int(row["time"]), *(str(row.get(k, "")) for k in keys))
        if key in found:
            doubles.append(f"{table} {key}")
        found[key] = {k: v for k, v in row.items() if k not in keys and k != "time"}
    return found, doubles


def is_same(a, b):
    """As numbers to a thousandth, which is what the history keeps; else as texts."""
    try:
        a, b = float(a), float(b)
    except (TypeError, ValueError):
        return str(a) == str(b)
    return abs(a - b) <= 0.000501 + 1e-12 * abs(a)


def compare(table, holders):
    """holders: name -> rows by key. Returns how many rows and values were compared, and what differs."""
    (first, reference), values, wrong = next(iter(holders.items())), 0, []
    for name, rows in list(holders.items())[1:]:
        for key in list(reference.keys() - rows.keys()) + list(rows.keys() - reference.keys()):
            wrong.append(f"{table} {key}: only {first if key in reference else name} has it, of {first} and {name}")
        for key in reference.keys() & rows.keys():
            for column in reference[key].keys() | rows[key].keys():
                values += 1
                a, b = reference[key].get(column), rows[key].get(column)
                if (a is None) != (b is None) or (a is not None and not is_same(a, b)):
                    wrong.append(f"{table} {key} {column}: {first} {a}, {name} {b}")
    return len(reference), values, wrong
