#include "guardd/ctl/suggest/servers.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>

#include "guardd/ctl/machine/config_lines.h"
#include "guardd/ctl/suggest/specifiers.h"

namespace guard::suggest {
namespace {

using machine::configured;
using machine::words_of;

// A server, and where it names its directories. Lists are separated by blanks.
struct Server {
  std::string_view programs;
  std::string_view users{};         // the user it switches to by default: the first that exists
  std::string_view user_keys{};     // in a configuration
  std::string_view user_options{};  // on the command line
  std::string_view options{};       // that name a data directory
  std::string_view variables{};     // the same, in the environment
  std::string_view configurations{};
  std::string_view directory_keys{};
  std::string_view file_keys{};  // that name a file in a data directory
  std::string_view usual{};      // data directories by default
};

constexpr std::array kServers{
    Server{.programs = "nginx",
           .users = "www-data nginx",
           .user_keys = "user",
           .configurations = "/etc/nginx/nginx.conf",
           .file_keys = "access_log error_log",
           .usual = "/var/lib/nginx /var/log/nginx /var/cache/nginx"},
    Server{.programs = "apachectl apache2 httpd",
           .users = "www-data apache",
           .user_keys = "APACHE_RUN_USER User",
           .configurations = "/etc/apache2/envvars /etc/httpd/conf/httpd.conf",
           .usual = "/var/cache/apache2/mod_cache_disk /var/lib/dav /var/cache/httpd"},
    Server{.programs = "pg_ctlcluster postgres postmaster pg_ctl",
           .users = "postgres",
           .options = "-D",
           .variables = "PGDATA",
           .configurations = "/etc/postgresql/%I/postgresql.conf",
           .directory_keys = "data_directory log_directory",
           .usual = "/var/log/postgresql"},
    Server{.programs = "mariadbd mysqld mysqld_safe",
           .users = "mysql",
           .options = "--datadir",
           .configurations = "/etc/mysql/my.cnf /etc/mysql/mariadb.conf.d/50-server.cnf "
                             "/etc/mysql/mysql.conf.d/mysqld.cnf /etc/my.cnf "
                             "/etc/my.cnf.d/mariadb-server.cnf",
           .directory_keys = "datadir",
           .file_keys = "log_error",
           .usual = "/var/lib/mysql /var/log/mysql /var/log/mariadb"},
    Server{.programs = "redis-server valkey-server",
           .users = "redis valkey",
           .options = "--dir",
           .configurations = "/etc/redis/redis.conf /etc/valkey/valkey.conf",
           .directory_keys = "dir",
           .file_keys = "logfile"},
    Server{.programs = "grafana grafana-server",
           .users = "grafana",
           .options = "cfg:default.paths.data cfg:default.paths.logs cfg:default.paths.plugins",
           .variables = "DATA_DIR LOG_DIR",
           .configurations = "/etc/grafana/grafana.ini",
           .directory_keys = "data logs",
           .usual = "/var/lib/grafana /var/log/grafana"},
    Server{.programs = "prometheus",
           .users = "prometheus",
           .options = "--storage.tsdb.path",
           .usual = "/var/lib/prometheus"},
    Server{.programs = "alertmanager prometheus-alertmanager",
           .users = "prometheus",
           .options = "--storage.path",
           .usual = "/var/lib/prometheus/alertmanager"},
    Server{.programs = "mongod",
           .users = "mongodb mongod",
           .options = "--dbpath",
           .configurations = "/etc/mongod.conf /etc/mongodb.conf",
           .directory_keys = "dbPath dbpath",
           .file_keys = "path logpath",
           .usual = "/var/lib/mongodb /var/log/mongodb"},
    Server{.programs = "elasticsearch opensearch systemd-entrypoint",
           .users = "elasticsearch opensearch",
           .configurations = "/etc/elasticsearch/elasticsearch.yml /etc/opensearch/opensearch.yml",
           .directory_keys = "path.data path.logs"},
    Server{.programs = "influxd", .users = "influxdb", .usual = "/var/lib/influxdb"},
    Server{.programs = "rabbitmq-server",
           .users = "rabbitmq",
           .usual = "/var/lib/rabbitmq /var/log/rabbitmq"},
    Server{.programs = "jenkins",
           .users = "jenkins",
           .variables = "JENKINS_HOME",
           .usual = "/var/lib/jenkins"},
    Server{.programs = "gitea forgejo",
           .users = "git",
           .options = "--work-path -w",
           .variables = "GITEA_WORK_DIR FORGEJO_WORK_DIR"},
    Server{.programs = "named",
           .users = "bind named",
           .user_options = "-u",
           .usual = "/var/cache/bind /var/lib/bind /var/named/data"},
    Server{.programs = "mosquitto",
           .users = "mosquitto",
           .usual = "/var/lib/mosquitto /var/log/mosquitto"},
    Server{.programs = "squid", .users = "proxy squid", .usual = "/var/spool/squid /var/log/squid"},
    Server{.programs = "tor", .users = "debian-tor toranon", .usual = "/var/lib/tor /var/log/tor"},
    Server{.programs = "mpd", .users = "mpd", .usual = "/var/lib/mpd /var/log/mpd"},
    Server{.programs = "etcd", .users = "etcd", .variables = "ETCD_DATA_DIR"},
    Server{.programs = "transmission-daemon",
           .users = "debian-transmission transmission",
           .usual = "/var/lib/transmission-daemon /var/lib/transmission"},
    Server{.programs = "postmulti master",
           .users = "postfix",
           .configurations = "/etc/postfix/main.cf",
           .directory_keys = "data_directory queue_directory",
           .usual = "/var/lib/postfix /var/spool/postfix"},
    Server{.programs = "slapd",
           .users = "openldap ldap",
           .user_options = "-u",
           .usual = "/var/lib/ldap"},
};

// Options of almost any server that has a data directory.
constexpr std::string_view kCommonOptions = "--data-dir --datadir --data --data-path --dbpath";
constexpr std::string_view kShells = "sh bash dash env";

std::string_view last_name(std::string_view path) {
  return path.substr(path.rfind('/') + 1);
}

bool has(std::string_view list, std::string_view name) {
  const auto names = words_of(list);
  return std::find(names.begin(), names.end(), name) != names.end();
}

// "--name=value" or "--name value"
std::optional<std::string> option(const Words& command, std::string_view name) {
  for (std::size_t at = 1; at < command.size(); ++at) {
    const std::string_view word = command[at];
    if (word == name && at + 1 < command.size()) return command[at + 1];
    if (word.size() > name.size() && word.starts_with(name) && word[name.size()] == '=')
      return std::string(word.substr(name.size() + 1));
  }
  return std::nullopt;
}

bool is_configuration(std::string_view word) {
  constexpr std::array<std::string_view, 5> kEnds{".conf", ".cnf", ".ini", ".yml", ".yaml"};
  return std::any_of(kEnds.begin(), kEnds.end(), [&](auto end) { return word.ends_with(end); });
}

class ServerReader {
 public:
  ServerReader(Service& service, const Machine& machine) : service_(service), machine_(machine) {}

  void run() {
    for (const auto& command : service_.commands) {
      read_command(command);
      if (!has(kShells, last_name(command.front()))) continue;
      // What a shell or env starts: any absolute path may be a server, with its arguments after it.
      Words all;
      for (const auto& word : command)
        for (auto& part : words_of(word)) all.push_back(std::move(part));
      for (std::size_t at = 1; at < all.size(); ++at)
        if (all[at].starts_with('/'))
          read_command({all.begin() + static_cast<long>(at), all.end()});
    }
  }

 private:
  void read_command(const Words& command) {
    add_options(kCommonOptions, command);
    const auto program = last_name(command.front());
    for (const auto& server : kServers)
      if (has(server.programs, program)) read_server(server, command);
  }

  void add_options(std::string_view names, const Words& command) {
    for (const auto& name : words_of(names))
      if (const auto path = option(command, name)) add(*path, name);
  }

  void read_server(const Server& server, const Words& command) {
    add_options(server.options, command);
    for (const auto& name : words_of(server.variables)) {
      const auto variable = service_.environment.find(name);
      if (variable != service_.environment.end()) add(variable->second, name + "=");
    }
    for (const auto& path : configurations(server, command))
      if (const auto text = machine_.text(path)) read_configuration(server, path, *text);
    for (const auto& name : words_of(server.user_options))
      use_user(option(command, name).value_or(""));
    for (const auto& name : words_of(server.users)) use_user(name);
    for (const auto& path : words_of(server.usual))
      add(path, "a default directory of " + std::string(last_name(command.front())), true);
  }

  // Files on the command line replace the default ones.
  std::vector<std::string> configurations(const Server& server, const Words& command) const {
    std::vector<std::string> paths;
    for (auto word : command) {
      if (word.starts_with("--")) word.erase(0, word.find('=') + 1);
      if (word.starts_with('/') && is_configuration(word)) paths.push_back(word);
    }
    if (!paths.empty()) return paths;
    for (const auto& path : words_of(server.configurations))
      if (auto whole = expanded(path, service_.unit, machine_)) paths.push_back(*std::move(whole));
    return paths;
  }

  void read_configuration(const Server& server, const std::string& path, const std::string& text) {
    for (const auto& key : words_of(server.user_keys)) use_user(configured(text, key).value_or(""));
    for (const auto& key : words_of(server.directory_keys))
      if (const auto value = configured(text, key))
        add(*value, std::string(key).append(" in ").append(path));
    for (const auto& key : words_of(server.file_keys)) {
      const auto value = configured(text, key);
      if (value && value->rfind('/') != std::string::npos)
        add(value->substr(0, value->rfind('/')), std::string(key).append(" in ").append(path));
    }
  }

  // The first user that exists counts.
  void use_user(const std::string& user) {
    if (!service_.user.empty() || user.empty() || user == "root") return;
    const auto account = machine_.users().user(user);
    if (account && *account) service_.user = user;
  }

  void add(const std::string& path, std::string why, bool is_guess = false) {
    if (!path.starts_with('/')) return;
    service_.places.push_back({path, std::move(why), false, true, is_guess});
  }

  Service& service_;
  const Machine& machine_;
};

}  // namespace

void add_server(Service& service, const Machine& machine) {
  ServerReader(service, machine).run();
}

std::vector<std::string> server_instances(const Machine& machine) {
  const std::string clusters = "/etc/postgresql";
  std::vector<std::string> instances;
  if (!machine.is_there("/usr/lib/systemd/system/postgresql@.service") &&
      !machine.is_there("/lib/systemd/system/postgresql@.service"))
    return instances;
  for (const auto& version : machine.names(clusters))
    for (const auto& cluster : machine.names(fmt::format("{}/{}", clusters, version)))
      instances.push_back(fmt::format("postgresql@{}-{}.service", version, cluster));
  return instances;
}

}  // namespace guard::suggest
