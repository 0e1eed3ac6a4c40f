// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

func (j *job) consume(ctx context.Context) error {
	options, err := j.options()
	if err != nil {
		return err
	}
	options = append(options, j.consumerOptions()...)
	switch {
	case j.Share:
		options = append(options, kgo.ShareGroup(j.Group), kgo.ConsumeTopics(j.Topic))
	case j.Group != "":
		options = append(options, j.groupOptions()...)
	default:
		offsets, err := j.positions(ctx, options)
		if err != nil {
			return err
		}
		options = append(options, kgo.ConsumePartitions(offsets), kgo.ConsumeResetOffset(kgo.NoResetOffset()))
	}
	cl, err := kgo.NewClient(options...)
	if err != nil {
		return err
	}
	defer cl.CloseAllowingRebalance()
	if err := cl.Ping(ctx); err != nil {
		return err
	}
	if j.Group == "" || j.Share {
		j.answer(map[string]any{"ready": true})
	}
	return j.follow(ctx, cl)
}

func (j *job) consumerOptions() []kgo.Opt {
	var options []kgo.Opt
	if j.Isolation == "read_committed" {
		options = append(options, kgo.FetchIsolationLevel(kgo.ReadCommitted()))
	}
	if j.FetchMinBytes > 0 {
		options = append(options, kgo.FetchMinBytes(j.FetchMinBytes))
	}
	if j.FetchMaxBytes > 0 {
		options = append(options, kgo.FetchMaxBytes(j.FetchMaxBytes))
	}
	if j.PartitionMaxBytes > 0 {
		options = append(options, kgo.FetchMaxPartitionBytes(j.PartitionMaxBytes))
	}
	if j.MaxWaitMS > 0 {
		options = append(options, kgo.FetchMaxWait(time.Duration(j.MaxWaitMS)*time.Millisecond))
	}
	if j.ReportRetriable {
		options = append(options, kgo.KeepRetryableFetchErrors())
	}
	return options
}

func (j *job) groupOptions() []kgo.Opt {
	at := kgo.NewOffset().AtStart()
	if j.startName() == "latest" {
		at = kgo.NewOffset().AtEnd()
	}
	options := []kgo.Opt{
		kgo.ConsumerGroup(j.Group),
		kgo.ConsumeTopics(j.Topic),
		kgo.ConsumeResetOffset(at),
		kgo.DisableAutoCommit(),
		kgo.OnPartitionsAssigned(func(context.Context, *kgo.Client, map[string][]int32) {
			j.answer(map[string]any{"ready": true})
		}),
	}
	if j.GroupProtocol == "consumer" {
		options = append(options, kgo.ServerSideBalancer(), kgo.Balancers(kgo.StickyBalancer()))
	}
	return options
}

func (j *job) startName() string {
	name := "earliest"
	json.Unmarshal(j.Start, &name)
	return name
}

// Where reading starts when there is no group. Ends and times are looked up at once, so that what is produced
// after the ready line is surely read.
func (j *job) positions(ctx context.Context, options []kgo.Opt) (map[string]map[int32]kgo.Offset, error) {
	var explicit map[string]int64
	if json.Unmarshal(j.Start, &explicit) == nil && explicit != nil {
		return j.explicit(explicit)
	}
	cl, err := kgo.NewClient(options...)
	if err != nil {
		return nil, err
	}
	defer cl.Close()
	found, err := j.lookUp(ctx, kadm.NewClient(cl))
	if err != nil {
		return nil, err
	}
	if err := found.Error(); err != nil {
		return nil, err
	}
	return map[string]map[int32]kgo.Offset{j.Topic: found.KOffsets()[j.Topic]}, nil
}

func (j *job) explicit(asked map[string]int64) (map[string]map[int32]kgo.Offset, error) {
	at := map[int32]kgo.Offset{}
	for name, offset := range asked {
		partition, err := strconv.ParseInt(name, 10, 32)
		if err != nil {
			return nil, err
		}
		at[int32(partition)] = kgo.NewOffset().At(offset)
	}
	return map[string]map[int32]kgo.Offset{j.Topic: at}, nil
}

func (j *job) lookUp(ctx context.Context, admin *kadm.Client) (kadm.ListedOffsets, error) {
	var millis int64
	if json.Unmarshal(j.Start, &millis) == nil && len(j.Start) > 0 && string(j.Start) != "null" {
		return admin.ListOffsetsAfterMilli(ctx, millis, j.Topic)
	}
	if j.startName() == "latest" {
		return admin.ListEndOffsets(ctx, j.Topic)
	}
	return admin.ListStartOffsets(ctx, j.Topic)
}

// Reads until there are enough records, silence after the last one, an error, or no time left.
func (j *job) follow(ctx context.Context, cl *kgo.Client) error {
	records, last := 0, time.Now()
	for !j.enough(records, last) {
		wait, cancel := context.WithTimeout(ctx, 100*time.Millisecond)
		fetches := cl.PollRecords(wait, j.MaxPollRecords)
		cancel()
		fetches.EachRecord(func(r *kgo.Record) {
			j.printRecord(r)
			if j.Share {
				r.Ack(kgo.AckAccept)
			}
			records, last = records+1, time.Now()
		})
		if j.Seek != nil && records >= j.Seek.After {
			at := kgo.EpochOffset{Epoch: -1, Offset: j.Seek.To}
			cl.SetOffsets(map[string]map[int32]kgo.EpochOffset{j.Topic: {0: at}})
			j.Seek = nil
		}
		if partition, err := firstError(fetches); err != nil {
			j.fail(err, map[string]any{"partition": partition})
			return nil
		}
		if ctx.Err() != nil && !j.enough(records, last) {
			j.exit = 3
			j.answer(map[string]any{"error": "TIMEOUT", "code": -1, "message": fmt.Sprint(records, " records before the time ran out")})
			return nil
		}
	}
	return j.settle(ctx, cl)
}

func (j *job) enough(records int, last time.Time) bool {
	if j.Count != nil {
		return records >= *j.Count
	}
	idle := j.IdleMS
	if idle == 0 {
		idle = 1500
	}
	return records > 0 && time.Since(last) > time.Duration(idle)*time.Millisecond
}

func (j *job) settle(ctx context.Context, cl *kgo.Client) error {
	if j.Share {
		return cl.FlushAcks(ctx)
	}
	if j.Group != "" && (j.Commit == nil || *j.Commit) {
		return cl.CommitUncommittedOffsets(ctx)
	}
	return nil
}

func firstError(fetches kgo.Fetches) (int32, error) {
	for _, failed := range fetches.Errors() {
		if !errors.Is(failed.Err, context.DeadlineExceeded) && !errors.Is(failed.Err, context.Canceled) {
			return failed.Partition, failed.Err
		}
	}
	return 0, nil
}

func (j *job) printRecord(r *kgo.Record) {
	kind := "create"
	if r.Attrs.TimestampType() == 1 {
		kind = "append"
	}
	headers := [][2]any{}
	for _, header := range r.Headers {
		headers = append(headers, [2]any{header.Key, encode(header.Value)})
	}
	j.answer(map[string]any{
		"partition":      r.Partition,
		"offset":         r.Offset,
		"timestamp":      r.Timestamp.UnixMilli(),
		"timestamp_type": kind,
		"key":            encode(r.Key),
		"value":          encode(r.Value),
		"headers":        headers,
	})
}
