// What is measured, a topic a file. Each adds its rows to the table.
#pragma once

#include <string>

#include "tests/bench/harness.h"

namespace guard::bench {

struct Size {
  unsigned rounds;      // of what is short
  unsigned samples;     // of what is one wait each
  unsigned burst;       // files made in one go
  double burst_within;  // seconds beyond settle
  unsigned tree;        // files of the tree that is looked through
  unsigned directories;
  unsigned idle_seconds;
};

// What open, create and rename cost, in a tree and outside of all.
void measure_small_work(const FileSystem& system, const Size& size, Table& table);
// From the last close to the right owner: of one file, and of many.
void measure_settling(const FileSystem& system, const Size& size, Table& table);
void measure_burst(const FileSystem& system, const Size& size, Table& table);
// A scan beside find; a repair, and the whole daemon from its start, beside chown -R.
void measure_trees(const FileSystem& system, const Size& size, Table& table);
// Wake-ups and memory of a guardd that has nothing to do.
void measure_idle(const FileSystem& system, const Size& size, Table& table);
void measure_watching(const FileSystem& system, const Size& size, Table& table);

}  // namespace guard::bench
