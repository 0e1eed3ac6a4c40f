# SPDX-License-Identifier: Apache-2.0
"""What somebody with a broker's disk does to one log: edits, each from a log's batches to what stands there afterwards.

    edit(found, others)     → the list of batches that are stored instead; `others` are batches of other logs, by name
"""

import segment
from envelope import Envelope, having_section, section, without_last_stub

FORGED_RECORDS = 3


def changing(index, change):
    """The edit that makes another batch of one."""
    return lambda found, others: segment.replace(found, index, change(found[index]))


def flipping(part, mask=1, back=1, repair=True):
    return changing(1, lambda batch: batch.flipped(Envelope(batch).at(part, back), mask, repair))


def having(**fields):
    return changing(1, lambda batch: batch.having(**fields))


def adding(name, number):
    return changing(1, lambda batch: batch.having(**{name: getattr(batch, name) + number}))


def attributes(bits):
    return changing(1, lambda batch: batch.having(attributes=batch.attributes ^ bits))


def arranging(arrange, *arguments, **options):
    return lambda found, others: arrange(found, *arguments, **options)


def moving(index, offset):
    return lambda found, others: found[:index] + [found[index].at(offset)] + found[index + 1:]


def bringing(name):
    return lambda found, others: segment.replace(found, 1, others[name][1])


def forged():
    return segment.forge([(b"k", b"forged")] * FORGED_RECORDS)


def forging(index):
    return lambda found, others: segment.replace(found, index, forged())


def flipping_within(part):
    """The same for a part that does not stand as it is in what brokers have compressed."""
    def change(batch):
        plain = batch.having_records(section(batch)).having(attributes=batch.attributes & ~7)
        flipped = plain.flipped(Envelope(plain).at(part))
        return having_section(batch, flipped.records)
    return changing(1, change)


def stubs(change):
    return changing(1, lambda batch: having_section(batch, change(section(batch))))


def emptied(batch):
    """What the log cleaner leaves of a batch none of whose records is wanted any more."""
    return batch.having_records(b"").having(record_count=0)


def with_fewer_records(batch):
    """A record less, and every count says so."""
    made = having_section(batch, without_last_stub(section(batch)))
    return made.having(record_count=batch.record_count - 1, last_offset_delta=batch.last_offset_delta - 1)


def marker(found, others):
    """A transaction marker, which no seal covers, in place of a batch of one record."""
    made = segment.forge([(bytes(4), bytes(6))], attributes=segment.TRANSACTIONAL | segment.CONTROL, producer_id=7,
                         producer_epoch=0)
    return segment.replace(found, 1, made)
