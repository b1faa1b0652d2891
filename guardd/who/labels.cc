#include "guardd/who/labels.h"

#include <algorithm>
#include <array>
#include <cctype>

namespace guard {
namespace {

struct LabelledProgram {
  std::string_view name;
  Label label;
};

// A name in one of kPlaces, or a full path. Sorted by label, then by distribution.
constexpr std::array kPrograms{
    LabelledProgram{"dpkg", Label::kPackageManager},
    LabelledProgram{"dpkg-deb", Label::kPackageManager},
    LabelledProgram{"apt", Label::kPackageManager},
    LabelledProgram{"apt-get", Label::kPackageManager},
    LabelledProgram{"aptitude", Label::kPackageManager},
    LabelledProgram{"synaptic", Label::kPackageManager},
    LabelledProgram{"unattended-upgrade", Label::kPackageManager},
    LabelledProgram{"unattended-upgrades", Label::kPackageManager},
    LabelledProgram{"rpm", Label::kPackageManager},
    LabelledProgram{"dnf", Label::kPackageManager},
    LabelledProgram{"dnf-3", Label::kPackageManager},
    LabelledProgram{"dnf4", Label::kPackageManager},
    LabelledProgram{"dnf5", Label::kPackageManager},
    LabelledProgram{"dnf5daemon-server", Label::kPackageManager},
    LabelledProgram{"microdnf", Label::kPackageManager},
    LabelledProgram{"yum", Label::kPackageManager},
    LabelledProgram{"rpm-ostree", Label::kPackageManager},
    LabelledProgram{"zypper", Label::kPackageManager},
    LabelledProgram{"pacman", Label::kPackageManager},
    LabelledProgram{"apk", Label::kPackageManager},
    LabelledProgram{"emerge", Label::kPackageManager},
    LabelledProgram{"xbps-install", Label::kPackageManager},
    LabelledProgram{"snapd", Label::kPackageManager},
    LabelledProgram{"/usr/lib/snapd/snapd", Label::kPackageManager},
    LabelledProgram{"/usr/libexec/packagekitd", Label::kPackageManager},
    LabelledProgram{"/usr/lib/packagekit/packagekitd", Label::kPackageManager},

    LabelledProgram{"restic", Label::kBackup},
    LabelledProgram{"rustic", Label::kBackup},
    LabelledProgram{"borg", Label::kBackup},
    LabelledProgram{"borgmatic", Label::kBackup},
    LabelledProgram{"rsnapshot", Label::kBackup},
    LabelledProgram{"rdiff-backup", Label::kBackup},
    LabelledProgram{"duplicity", Label::kBackup},
    LabelledProgram{"duply", Label::kBackup},
    LabelledProgram{"kopia", Label::kBackup},
    LabelledProgram{"bup", Label::kBackup},
    LabelledProgram{"burp", Label::kBackup},
    LabelledProgram{"bacula-fd", Label::kBackup},
    LabelledProgram{"bareos-fd", Label::kBackup},
    LabelledProgram{"urbackupclientbackend", Label::kBackup},
    LabelledProgram{"dsmc", Label::kBackup},

    LabelledProgram{"ansible", Label::kConfigManagement},
    LabelledProgram{"ansible-playbook", Label::kConfigManagement},
    LabelledProgram{"ansible-pull", Label::kConfigManagement},
    LabelledProgram{"puppet", Label::kConfigManagement},
    LabelledProgram{"/opt/puppetlabs/bin/puppet", Label::kConfigManagement},
    LabelledProgram{"/opt/puppetlabs/puppet/bin/puppet", Label::kConfigManagement},
    LabelledProgram{"chef-client", Label::kConfigManagement},
    LabelledProgram{"/opt/chef/bin/chef-client", Label::kConfigManagement},
    LabelledProgram{"cinc-client", Label::kConfigManagement},
    LabelledProgram{"salt-minion", Label::kConfigManagement},
    LabelledProgram{"salt-call", Label::kConfigManagement},
    LabelledProgram{"/opt/saltstack/salt/salt-minion", Label::kConfigManagement},
    LabelledProgram{"/opt/saltstack/salt/salt-call", Label::kConfigManagement},
    LabelledProgram{"cf-agent", Label::kConfigManagement},
    LabelledProgram{"/var/cfengine/bin/cf-agent", Label::kConfigManagement},
};

constexpr std::array<std::string_view, 6> kPlaces{"/usr/bin/", "/usr/sbin/",      "/bin/",
                                                  "/sbin/",    "/usr/local/bin/", "/usr/libexec/"};

// Optionally followed by a version: python3.11, perl5.36.0.
constexpr std::array<std::string_view, 7> kInterpreters{"python", "perl", "ruby",           "sh",
                                                        "bash",   "dash", "platform-python"};

std::string_view base_name(std::string_view path) {
  return path.substr(path.rfind('/') + 1);
}

// The name of a program in one of the system directories, or empty.
std::string_view placed_name(std::string_view path) {
  const auto name = base_name(path);
  const auto place = path.substr(0, path.size() - name.size());
  return std::find(kPlaces.begin(), kPlaces.end(), place) != kPlaces.end() ? name
                                                                           : std::string_view();
}

EnumSet<Label> of_program(std::string_view path) {
  EnumSet<Label> labels;
  if (!path.starts_with('/')) return labels;
  const auto name = placed_name(path);
  for (const auto& known : kPrograms)
    if (known.name == path || (!name.empty() && known.name == name)) labels.add(known.label);
  return labels;
}

bool is_interpreter(std::string_view exe) {
  const auto name = base_name(exe);
  return std::any_of(kInterpreters.begin(), kInterpreters.end(), [&](std::string_view known) {
    return name.starts_with(known) &&
           std::all_of(name.begin() + static_cast<std::ptrdiff_t>(known.size()), name.end(),
                       [](unsigned char c) { return std::isdigit(c) != 0 || c == '.'; });
  });
}

// The script that an interpreter runs. Options may precede it, except those that contain or name
// the program (-c, -e, -E of perl, -m) or take the next argument: then the script is unknown.
std::string_view script_of(std::string_view arguments, std::string_view harmless) {
  for (bool first = true; !arguments.empty(); first = false) {
    const auto argument = arguments.substr(0, arguments.find('\0'));
    arguments.remove_prefix(std::min(argument.size() + 1, arguments.size()));
    if (first) continue;
    if (!argument.starts_with("-")) return argument;
    if (argument.find_first_not_of(harmless, 1) != std::string_view::npos) return {};
  }
  return {};
}

}  // namespace

EnumSet<Label> labels_of(std::string_view exe, std::string_view arguments) {
  const auto labels = of_program(exe);
  if (!labels.empty() || !is_interpreter(exe)) return labels;
  const bool python = exe.find("python") != std::string_view::npos;
  return of_program(script_of(arguments, python ? "BEIOPSsu" : "TWuwx"));
}

std::vector<LabelledPath> labelled_paths() {
  std::vector<LabelledPath> paths;
  for (const auto& known : kPrograms) {
    if (known.name.starts_with('/')) {
      paths.push_back({std::string(known.name), known.label});
      continue;
    }
    for (const auto place : kPlaces)
      paths.push_back({std::string(place).append(known.name), known.label});
  }
  return paths;
}

}  // namespace guard
