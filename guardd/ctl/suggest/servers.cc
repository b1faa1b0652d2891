#include "guardd/ctl/suggest/servers.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>

#include "guardd/ctl/machine/config_lines.h"
#include "guardd/ctl/suggest/specifiers.h"
#include "policy/base/text.h"

namespace guard::suggest {
namespace {

using Names = std::vector<std::string_view>;

struct Server {
  Names programs;
  Names users;         // whom it becomes, where nothing says it: the first that exists
  Names user_keys;     // that say it in a configuration
  Names user_options;  // and on the command line
  Names options;       // that name a directory of data
  Names variables;     // of the environment, too
  Names configurations;
  Names directory_keys;
  Names file_keys;  // that name a file in such a directory
  Names usual;
};

const std::vector<Server>& servers() {
  static const std::vector<Server> known{
      Server{{"nginx"},
             {"www-data", "nginx"},
             {"user"},
             {},
             {},
             {},
             {"/etc/nginx/nginx.conf"},
             {},
             {"access_log", "error_log"},
             {"/var/lib/nginx", "/var/log/nginx", "/var/cache/nginx"}},
      Server{{"apachectl", "apache2", "httpd"},
             {"www-data", "apache"},
             {"APACHE_RUN_USER", "User"},
             {},
             {},
             {},
             {"/etc/apache2/envvars", "/etc/httpd/conf/httpd.conf"},
             {},
             {},
             {"/var/cache/apache2/mod_cache_disk", "/var/lib/dav", "/var/cache/httpd"}},
      Server{{"pg_ctlcluster", "postgres", "postmaster", "pg_ctl"},
             {"postgres"},
             {},
             {},
             {"-D"},
             {"PGDATA"},
             {"/etc/postgresql/%I/postgresql.conf"},
             {"data_directory", "log_directory"},
             {},
             {"/var/log/postgresql"}},
      Server{
          {"mariadbd", "mysqld", "mysqld_safe"},
          {"mysql"},
          {},
          {},
          {"--datadir"},
          {},
          {"/etc/mysql/my.cnf", "/etc/mysql/mariadb.conf.d/50-server.cnf",
           "/etc/mysql/mysql.conf.d/mysqld.cnf", "/etc/my.cnf", "/etc/my.cnf.d/mariadb-server.cnf"},
          {"datadir"},
          {"log_error"},
          {"/var/lib/mysql", "/var/log/mysql", "/var/log/mariadb"}},
      Server{{"redis-server", "valkey-server"},
             {"redis", "valkey"},
             {},
             {},
             {"--dir"},
             {},
             {"/etc/redis/redis.conf", "/etc/valkey/valkey.conf"},
             {"dir"},
             {"logfile"},
             {}},
      Server{{"grafana", "grafana-server"},
             {"grafana"},
             {},
             {},
             {"cfg:default.paths.data", "cfg:default.paths.logs", "cfg:default.paths.plugins"},
             {"DATA_DIR", "LOG_DIR"},
             {"/etc/grafana/grafana.ini"},
             {"data", "logs"},
             {},
             {"/var/lib/grafana", "/var/log/grafana"}},
      Server{{"prometheus"},
             {"prometheus"},
             {},
             {},
             {"--storage.tsdb.path"},
             {},
             {},
             {},
             {},
             {"/var/lib/prometheus"}},
      Server{{"alertmanager", "prometheus-alertmanager"},
             {"prometheus"},
             {},
             {},
             {"--storage.path"},
             {},
             {},
             {},
             {},
             {}},
      Server{{"mongod"},
             {"mongodb", "mongod"},
             {},
             {},
             {"--dbpath"},
             {},
             {"/etc/mongod.conf", "/etc/mongodb.conf"},
             {"dbPath", "dbpath"},
             {"path", "logpath"},
             {"/var/lib/mongodb", "/var/log/mongodb"}},
      Server{{"elasticsearch", "opensearch", "systemd-entrypoint"},
             {"elasticsearch", "opensearch"},
             {},
             {},
             {},
             {},
             {"/etc/elasticsearch/elasticsearch.yml", "/etc/opensearch/opensearch.yml"},
             {"path.data", "path.logs"},
             {},
             {}},
      Server{{"influxd"}, {"influxdb"}, {}, {}, {}, {}, {}, {}, {}, {"/var/lib/influxdb"}},
      Server{{"rabbitmq-server"},
             {"rabbitmq"},
             {},
             {},
             {},
             {},
             {},
             {},
             {},
             {"/var/lib/rabbitmq", "/var/log/rabbitmq"}},
      Server{
          {"jenkins"}, {"jenkins"}, {}, {}, {}, {"JENKINS_HOME"}, {}, {}, {}, {"/var/lib/jenkins"}},
      Server{{"gitea", "forgejo"},
             {"git"},
             {},
             {},
             {"--work-path", "-w"},
             {"GITEA_WORK_DIR", "FORGEJO_WORK_DIR"},
             {},
             {},
             {},
             {}},
      Server{{"named"},
             {"bind", "named"},
             {},
             {"-u"},
             {},
             {},
             {},
             {},
             {},
             {"/var/cache/bind", "/var/lib/bind", "/var/named/data"}},
      Server{{"slapd"}, {"openldap", "ldap"}, {}, {"-u"}, {}, {}, {}, {}, {}, {"/var/lib/ldap"}},
  };
  return known;
}

// What nearly every server calls it that has a directory of data at all.
constexpr std::array<std::string_view, 5> kAnyOptions{"--data-dir", "--datadir", "--data",
                                                      "--data-path", "--dbpath"};

std::string_view last_name(std::string_view path) {
  return path.substr(path.rfind('/') + 1);
}

bool has(const Names& names, std::string_view name) {
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

class Finder {
 public:
  Finder(Service& service, const Machine& machine) : service_(service), machine_(machine) {}

  void run() {
    for (const auto& command : service_.commands) {
      look_at(command);
      if (!has({"sh", "bash", "dash", "env"}, last_name(command.front()))) continue;
      // What a shell or env starts: from any word on that is the path of a server.
      Words all;
      for (const auto& word : command) {
        const auto split = words_of(word).value_or(Words{});
        all.insert(all.end(), split.begin(), split.end());
      }
      for (std::size_t at = 1; at < all.size(); ++at)
        if (all[at].starts_with('/')) look_at({all.begin() + static_cast<long>(at), all.end()});
    }
  }

 private:
  void look_at(const Words& command) {
    for (const auto name : kAnyOptions)
      if (const auto path = option(command, name)) add(*path, std::string(name));
    const auto program = last_name(command.front());
    for (const auto& server : servers())
      if (has(server.programs, program)) use(server, command);
  }

  void use(const Server& server, const Words& command) {
    for (const auto name : server.options)
      if (const auto path = option(command, name)) add(*path, std::string(name));
    for (const auto name : server.variables) {
      const auto known = service_.environment.find(std::string(name));
      if (known != service_.environment.end()) add(known->second, std::string(name) + "=");
    }
    for (const auto& path : configurations(server, command)) {
      const auto text = machine_.text(path);
      if (text) use_configuration(server, path, *text);
    }
    for (const auto name : server.user_options)
      if (service_.user.empty()) become(option(command, name).value_or(""));
    for (const auto name : server.users)
      if (service_.user.empty()) become(std::string(name));
    for (const auto path : server.usual)
      add(std::string(path), "where " + std::string(last_name(command.front())) + " keeps things",
          true);
  }

  // Those that the command line names are instead of the usual ones.
  std::vector<std::string> configurations(const Server& server, const Words& command) const {
    std::vector<std::string> named;
    for (auto word : command) {
      if (word.starts_with("--")) word.erase(0, word.find('=') + 1);
      if (word.starts_with('/') && is_configuration(word)) named.push_back(word);
    }
    if (!named.empty()) return named;
    for (const auto path : server.configurations)
      if (auto whole = expanded(path, service_.unit, machine_)) named.push_back(*std::move(whole));
    return named;
  }

  void use_configuration(const Server& server, const std::string& path, const std::string& text) {
    for (const auto key : server.user_keys)
      if (service_.user.empty()) become(configured(text, key).value_or(""));
    for (const auto key : server.directory_keys)
      if (const auto value = configured(text, key)) add(*value, std::string(key) + " in " + path);
    for (const auto key : server.file_keys) {
      const auto value = configured(text, key);
      if (value && value->rfind('/') != std::string::npos)
        add(value->substr(0, value->rfind('/')), std::string(key) + " in " + path);
    }
  }

  void become(const std::string& user) {
    const auto known = user.empty() || user == "root"
                           ? Result<std::optional<Account>>(std::optional<Account>())
                           : machine_.users().user(user);
    if (known && *known) service_.user = user;
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
  Finder(service, machine).run();
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
