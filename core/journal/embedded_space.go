package journal

import (
	"context"
	"fmt"

	"go.etcd.io/etcd/api/v3/etcdserverpb"
	clientv3 "go.etcd.io/etcd/client/v3"
)

// regainSpace makes an etcd writable again whose database had reached its quota:
// etcd then refuses every write until the alarm is taken back, which nobody but
// this process could do. If it is still too large, the next write says so again.
func (e *Embedded) regainSpace(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, e.cfg.StartTimeout)
	defer cancel()
	alarms, err := e.client.AlarmList(ctx)
	if err != nil {
		return fmt.Errorf("list alarms: %w", err)
	}
	for _, alarm := range alarms.Alarms {
		if alarm.Alarm != etcdserverpb.AlarmType_NOSPACE {
			continue
		}
		e.cfg.Logger.Warn("etcd's database had reached its quota; compacting it", "quota_bytes", e.cfg.QuotaBytes)
		now, err := e.client.Get(ctx, "/")
		if err != nil {
			return fmt.Errorf("read the revision: %w", err)
		}
		if _, err := e.client.Compact(ctx, now.Header.Revision, clientv3.WithCompactPhysical()); err != nil && !isCompacted(err) {
			return fmt.Errorf("compact the full database: %w", err)
		}
		if err := e.etcd.Server.Backend().Defrag(); err != nil {
			return fmt.Errorf("defragment the full database: %w", err)
		}
		if _, err := e.client.AlarmDisarm(ctx, (*clientv3.AlarmMember)(alarm)); err != nil {
			return fmt.Errorf("take back the alarm about the full database: %w", err)
		}
	}
	return nil
}
