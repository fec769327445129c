"""What a batch of subjects and clips must look like, checked by counting."""

from collections import Counter


def faults_of_batch(picks, labels, subjects, clips):
    """Lines that say what is wrong with a batch; none when it is right."""
    faults = []
    rows = [picks[i : i + clips] for i in range(0, len(picks), clips)]
    if len(picks) != subjects * clips:
        faults.append(f"{len(picks)} clips")
    people = [{labels[i] for i in row} for row in rows]
    if any(len(person) != 1 for person in people) or len(set().union(*people)) != len(rows):
        faults.append("a row of several subjects, or a subject in several rows")
    for row in rows:
        available = sum(label == labels[row[0]] for label in labels)
        counts = Counter(row)
        if max(counts.values()) > -(-clips // available) or len(counts) != min(clips, available):
            faults.append(f"clips of subject {labels[row[0]]} repeat though others are left")
    return faults
