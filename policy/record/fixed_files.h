// A list of files that guardd has fixed: what undoing the fixes needs, in about twenty bytes for
// each file. Stands for records of their own where there would be too many. Pure; one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "policy/record/record.h"

namespace guard {

struct FixedFile {
  std::string path;  // as it was added; of a record: absolute, raw bytes
  FileType type = FileType::kRegular;
  InodeId object;
  Ownership before;
  Ownership after;

  friend bool operator==(const FixedFile&, const FixedFile&) = default;
};

// Makes the record of a list that of one of its files. What is not known of the file is cleared.
void set_file(Violation& violation, const FixedFile& file);

class FixedFiles {
 public:
  void add(std::string_view path, const FixedFile& file);  // by this path, not by the file's

  bool empty() const { return count_ == 0; }
  std::size_t count() const { return count_; }
  const std::string& bytes() const { return bytes_; }
  void clear();

  // Reads a list in the order in which the files were added.
  class Reader {
   public:
    explicit Reader(std::string_view bytes) : rest_(bytes) {}
    // False at the end, or where the list is damaged.
    bool next();
    const FixedFile& file() const { return file_; }

   private:
    bool number(std::uint64_t& value);
    bool ownership(Ownership& state);

    std::string_view rest_;
    FixedFile file_;
  };
  Reader read() const { return Reader(bytes_); }

 private:
  void number(std::uint64_t value);
  void ownership(const Ownership& state);

  std::string bytes_;
  std::size_t count_ = 0;
  FixedFile last_;  // each file is written as its difference from the one before
};

}  // namespace guard
