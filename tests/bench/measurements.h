// The measurements, one topic in each file. Each adds its rows to the table.
#pragma once

#include <string>

#include "tests/bench/harness.h"

namespace guard::bench {

struct Size {
  unsigned rounds;      // of short measurements
  unsigned samples;     // of measurements that wait once
  unsigned burst;       // files created at once
  double burst_within;  // seconds beyond settle
  unsigned tree;        // files of the scanned tree
  unsigned directories;
  unsigned idle_seconds;
};

// The cost of open, create and rename, in a tree and outside of every tree.
void measure_small_work(const FileSystem& system, const Size& size, Table& table);
// The time from the last close to the correct owner, for one file and for many.
void measure_settling(const FileSystem& system, const Size& size, Table& table);
void measure_burst(const FileSystem& system, const Size& size, Table& table);
// A scan compared with find; a repair, and the whole daemon from its start, compared with chown -R.
void measure_trees(const FileSystem& system, const Size& size, Table& table);
// Wake-ups and memory of an idle guardd.
void measure_idle(const FileSystem& system, const Size& size, Table& table);
void measure_watching(const FileSystem& system, const Size& size, Table& table);

}  // namespace guard::bench
