// The world of the model test: a file system with a guarded tree and its surroundings, a real
// guardd, root, and two adversaries. Runs scripts in it and says how they broke what guardd
// promises.
//
//   srv/tree    guarded; 4242's, with d/, e/ and conf/. Root keeps there: secrets/ and closed/,
//   which
//               are excluded, and conf/tls.key, which a rule says is root's
//   srv/stage   everybody may create and rename there: a, b and c are private files of root's,
//   k.pem
//               and g.pem may be read by groups of which the service is not a member
//   srv/vault   root's directory, which everybody may list: gold is private, public is not
#pragma once

#include <chrono>
#include <memory>
#include <set>
#include <string>

#include "policy/base/result.h"
#include "tests/model/adversary.h"
#include "tests/model/guardd.h"
#include "tests/model/root.h"
#include "tests/model/script.h"
#include "tests/model/secrets.h"
#include "tests/root/scratch_fs.h"

namespace guard::test {

struct Outcome {
  std::string failure;      // empty: the promise held
  std::size_t steps = 0;    // how many steps were run until the failure was seen
  bool is_breach = false;   // somebody has read a secret, or has come to own what is root's
  std::vector<int> errors;  // of the steps: error numbers
};

class World {
 public:
  struct Options {
    Guardd::Options guardd;
    bool protects_hard_links = true;
  };
  static Result<std::unique_ptr<World>> make(FsType type, const Options& options);
  ~World();

  World(const World&) = delete;
  World& operator=(const World&) = delete;

  // Makes everything new and runs the script. A new guardd finds the files there; an old one sees
  // root create them.
  Outcome run(const Script& script, bool with_new_guardd);

 private:
  World(std::unique_ptr<ScratchFs> scratch, const Options& options);

  void clear();
  void lay_out();
  void secret(const std::string& path, mode_t mode, gid_t group = 0);
  int perform(const Step& step);
  int perform_for_guardd(const std::string& operation);
  void start_guardd();
  Adversary& actor_of(const Step& step);
  void let_go_on();    // ends the loops, and starts guardd if it is stopped
  void expect_live();  // what root creates in the tree becomes the service's
  std::string first_wrong(const std::vector<std::string>& names) const;  // at the deadline
  bool look();                                                           // false: a breach
  bool look(Adversary& who, const char* name);
  bool is_vault_untouched();
  // The inode numbers of what is in the vault.
  static std::set<ino_t> in_vault();
  void fail(const std::string& what, bool is_breach);

  std::unique_ptr<ScratchFs> scratch_;
  Options options_;
  Secrets secrets_;
  Root root_{secrets_};
  std::unique_ptr<Guardd> guardd_;
  std::unique_ptr<Adversary> service_;
  std::unique_ptr<Adversary> other_;
  std::unique_ptr<Adversary> server_;
  std::unique_ptr<Adversary> linker_;
  std::unique_ptr<Adversary> other_linker_;
  Outcome outcome_;
  std::chrono::steady_clock::time_point races_until_;
  bool is_calm_ = true;  // nothing has been lost, and guardd was not restarted
  int probes_ = 0;
  std::set<ino_t> kept_;  // what root has put into the vault and never taken out
};

}  // namespace guard::test
