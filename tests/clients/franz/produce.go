// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"hash/fnv"
	"math/rand/v2"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

func (j *job) produce(ctx context.Context) error {
	options, err := j.options()
	if err != nil {
		return err
	}
	cl, err := kgo.NewClient(append(options, j.producerOptions()...)...)
	if err != nil {
		return err
	}
	defer cl.Close()
	if j.Transactions == nil {
		j.send(ctx, cl, j.Records, 0)
		return nil
	}
	index := 0
	for _, transaction := range j.Transactions {
		if err := cl.BeginTransaction(); err != nil {
			return err
		}
		index = j.send(ctx, cl, transaction.Records, index)
		if err := cl.EndTransaction(ctx, kgo.TransactionEndTry(transaction.Commit)); err != nil {
			return err
		}
	}
	return nil
}

func (j *job) producerOptions() []kgo.Opt {
	options := []kgo.Opt{
		kgo.RecordPartitioner(kgo.BasicConsistentPartitioner(func(string) func(*kgo.Record, int) int { return partition })),
		kgo.ProducerBatchCompression(j.codec()),
		kgo.ProducerLinger(0),
	}
	if j.grouped() {
		options = append(options, kgo.ManualFlushing(), kgo.MaxBufferedRecords(2_000_000))
		options = append(options, kgo.ProducerBatchMaxBytes(900_000))
	}
	if j.LingerMS != nil {
		options = append(options, kgo.ProducerLinger(time.Duration(*j.LingerMS)*time.Millisecond))
	}
	if j.MaxRequestBytes > 0 {
		options = append(options, kgo.BrokerMaxWriteBytes(max(j.MaxRequestBytes, 1<<20)), kgo.ProducerBatchMaxBytes(j.MaxRequestBytes))
	}
	if j.BatchBytes > 0 {
		options = append(options, kgo.ProducerBatchMaxBytes(j.BatchBytes))
	}
	if j.TransactionalID != "" {
		return append(options, kgo.TransactionalID(j.TransactionalID))
	}
	switch j.acks() {
	case "0":
		return append(options, kgo.RequiredAcks(kgo.NoAck()), kgo.DisableIdempotentWrite())
	case "1":
		return append(options, kgo.RequiredAcks(kgo.LeaderAck()), kgo.DisableIdempotentWrite())
	}
	if j.Idempotent != nil && !*j.Idempotent {
		options = append(options, kgo.DisableIdempotentWrite())
	}
	return options
}

func (j *job) grouped() bool {
	return j.OneBatch || j.BatchRecords > 0
}

func (j *job) codec() kgo.CompressionCodec {
	switch j.Compression {
	case "gzip":
		return kgo.GzipCompression()
	case "snappy":
		return kgo.SnappyCompression()
	case "lz4":
		return kgo.Lz4Compression()
	case "zstd":
		return kgo.ZstdCompression()
	}
	return kgo.NoCompression()
}

// Keeps the partition that a job asks for, and else goes by the key.
func partition(r *kgo.Record, partitions int) int {
	if r.Partition >= 0 {
		return int(r.Partition)
	}
	if r.Key == nil {
		return rand.IntN(partitions)
	}
	hash := fnv.New32a()
	hash.Write(r.Key)
	return int(hash.Sum32() % uint32(partitions))
}

func (j *job) send(ctx context.Context, cl *kgo.Client, records []record, index int) int {
	made := make([]*kgo.Record, len(records))
	failed := make([]error, len(records))
	for i, asked := range records {
		made[i] = j.record(asked)
		cl.Produce(ctx, made[i], func(_ *kgo.Record, err error) { failed[i] = err })
		if j.BatchRecords > 0 && (i+1)%j.BatchRecords == 0 {
			cl.Flush(ctx)
		}
	}
	if err := cl.Flush(ctx); err != nil {
		j.fail(err, nil)
		return index
	}
	for i, record := range made {
		if failed[i] != nil {
			j.fail(failed[i], map[string]any{"index": index + i})
		} else {
			j.answer(map[string]any{"index": index + i, "partition": record.Partition, "offset": record.Offset})
		}
	}
	return index + len(records)
}

func (j *job) record(asked record) *kgo.Record {
	made := &kgo.Record{Topic: j.Topic, Key: decode(asked.Key), Value: decode(asked.Value), Partition: -1}
	if asked.Partition != nil {
		made.Partition = *asked.Partition
	}
	if asked.Timestamp != nil {
		made.Timestamp = time.UnixMilli(*asked.Timestamp)
	}
	for _, header := range asked.Headers {
		made.Headers = append(made.Headers, kgo.RecordHeader{Key: *header[0], Value: decode(header[1])})
	}
	return made
}
