// A client that says what it is told, byte for byte, over a plain socket; and a server to talk to.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <string>
#include <vector>

namespace transept::testing {

class Socket {
 public:
  explicit Socket(int port);
  ~Socket();
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
  void send(const std::string& bytes) const;
  // Reads until the text occurs, the server closes, or `seconds` pass.
  std::string read_until(const std::string& text, double seconds = 10);
  std::string read_all(double seconds = 10) { return read_until("\n\nnever\n\n", seconds); }
  [[nodiscard]] bool at_end() const { return at_end_; }
  void close();

 private:
  int socket_ = -1;
  bool at_end_ = false;
};

struct HttpResult {
  int status = 0;
  std::string headers;
  std::string body;  // chunks joined
};

// One request on a connection of its own.
[[nodiscard]] HttpResult http(int port, const std::string& method, const std::string& path,
                              const std::string& body = {}, const std::string& headers = {});

// `transept serve` as a process of its own, on a free port.
class ServerProcess {
 public:
  explicit ServerProcess(const std::vector<std::string>& arguments);
  // Its stderr is a pipe; nobody reads it once it listens. Closes the writing end.
  ServerProcess(const std::vector<std::string>& arguments, int read_end, int write_end);
  ~ServerProcess();  // SIGKILL
  ServerProcess(const ServerProcess&) = delete;
  ServerProcess& operator=(const ServerProcess&) = delete;
  [[nodiscard]] int port() const { return port_; }
  [[nodiscard]] pid_t process() const { return child_; }
  [[nodiscard]] std::string log() const;  // all that it has said so far
  [[nodiscard]] std::size_t resident_bytes() const;
  [[nodiscard]] double processor_seconds() const;  // of all its threads, since it began
  void signal(int number) const;
  int wait();  // its exit code; 128 + signal

 private:
  void start(const std::vector<std::string>& arguments, int error_descriptor);
  void find_port(const std::string& said);

  pid_t child_ = -1;
  int port_ = 0;
  std::string log_;  // a file
};

}  // namespace transept::testing
