// Scripts at random: the same seed gives the same script. Keeps in mind which names there should
// be, so that most steps find what they need.
#pragma once

#include <cstdint>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "tests/model/script.h"

namespace guard::test {

class Generator {
 public:
  explicit Generator(std::uint64_t seed);

  Script script();

 private:
  struct Entry {
    bool is_directory = false;
    bool is_roots = false;  // a directory in which only root can change names
    bool is_secret = false;
  };
  using Names = std::map<std::string, Entry>;

  void add(const std::string& line);
  void add_step();
  void add_attack();
  void add_adversarys();
  void add_loop();
  void add_roots();
  void add_guardds();

  unsigned below(unsigned count) { return static_cast<unsigned>(random_() % count); }
  bool chance(unsigned percent) { return below(100) < percent; }
  std::string one_of(const std::vector<std::string>& all);
  // Something with a weight: "rename*30 link*8".
  std::string weighted(const char* choices);

  std::string adversary();
  std::string secret();    // that an adversary may be able to move
  std::string own_name();  // of a file or directory that an adversary may move
  std::string any_name();
  std::string directory(const char* below);
  std::string new_name(const char* below);  // in a directory below, perhaps of something
  std::string name_where(bool (*fits)(const std::string& path, const Entry& entry,
                                      bool is_movable));

  bool is_movable(const std::string& path) const;
  void note(const Step& step);  // what the step changes if it works
  void note_move(const std::string& from, const std::string& to, bool is_exchange);

  std::mt19937_64 random_;
  Names names_;
  Script script_;
};

}  // namespace guard::test
