#include "end_to_end/http_client.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <ctime>
#include <sstream>
#include <thread>

#include "end_to_end/command.h"

namespace transept::testing {
namespace {

using Clock = std::chrono::steady_clock;

int milliseconds_until(Clock::time_point end) {
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - Clock::now());
  return std::max(0, static_cast<int>(left.count()));
}

std::string joined_chunks(const std::string& text) {
  std::string body;
  for (size_t at = 0; at < text.size();) {
    const size_t line = text.find("\r\n", at);
    if (line == std::string::npos) break;
    const size_t size = std::strtoul(text.substr(at, line - at).c_str(), nullptr, 16);
    if (size == 0) break;
    body += text.substr(line + 2, size);
    at = line + 2 + size + 2;
  }
  return body;
}

}  // namespace

Socket::Socket(int port) : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  inet_pton(AF_INET, "127.0.0.1", &address.sin_addr);
  // A server that is not there says nothing: what is read is empty.
  (void)connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address);
}

Socket::~Socket() {
  close();
}

void Socket::close() {
  if (socket_ >= 0) ::close(socket_);
  socket_ = -1;
}

void Socket::send(const std::string& bytes) const {
  size_t sent = 0;
  while (sent < bytes.size()) {
    const ssize_t n = ::send(socket_, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
    if (n <= 0) return;
    sent += static_cast<size_t>(n);
  }
}

std::string Socket::read_until(const std::string& text, double seconds) {
  const auto end = Clock::now() + std::chrono::milliseconds(static_cast<int>(seconds * 1000));
  std::string received;
  char buffer[16384];
  size_t searched = 0;  // a long answer is not searched again with every piece of it
  while (received.find(text, searched) == std::string::npos) {
    searched = received.size() - std::min(received.size(), text.size());
    pollfd waiting{socket_, POLLIN, 0};
    if (poll(&waiting, 1, milliseconds_until(end)) <= 0) break;
    const ssize_t n = ::recv(socket_, buffer, sizeof buffer, 0);
    if (n <= 0) {
      at_end_ = true;
      break;
    }
    received.append(buffer, static_cast<size_t>(n));
  }
  return received;
}

HttpResult http(int port, const std::string& method, const std::string& path,
                const std::string& body, const std::string& headers) {
  Socket socket(port);
  socket.send(method + " " + path + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n" +
              headers + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body);
  const std::string answer = socket.read_all(30);
  HttpResult result;
  if (answer.size() < 12) return result;
  result.status = std::atoi(answer.substr(9, 3).c_str());
  const size_t end = answer.find("\r\n\r\n");
  result.headers = answer.substr(0, end);
  result.body = answer.substr(end + 4);
  if (result.headers.find("Transfer-Encoding: chunked") != std::string::npos)
    result.body = joined_chunks(result.body);
  return result;
}

void ServerProcess::start(const std::vector<std::string>& arguments, int error_descriptor) {
  std::vector<std::string> words = {TRANSEPT_COMMAND, "serve", "--port", "0"};
  if (std::find(arguments.begin(), arguments.end(), "--threads") == arguments.end())
    words.insert(words.end(), {"--threads", "2"});
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> pointers;
  for (std::string& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  child_ = fork();
  if (child_ == 0) {
    dup2(error_descriptor, STDERR_FILENO);
    execv(TRANSEPT_COMMAND, pointers.data());
    _exit(127);
  }
  ::close(error_descriptor);
}

void ServerProcess::find_port(const std::string& said) {
  const size_t line = said.find("listening");
  EXPECT_NE(line, std::string::npos) << said;
  if (line == std::string::npos) return;
  const size_t colon = said.rfind(':', said.find('\n', line));
  port_ = std::atoi(said.c_str() + colon + 1);
}

ServerProcess::ServerProcess(const std::vector<std::string>& arguments) {
  static int n_servers = 0;
  log_ = scratch("server-" + std::to_string(n_servers++) + ".log");
  start(arguments, ::open(log_.c_str(), O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600));
  const auto end = Clock::now() + std::chrono::seconds(60);
  size_t line = std::string::npos;
  std::string said;
  while (line == std::string::npos && Clock::now() < end) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
    said = log();
    line = said.find("listening");
    if (said.find('\n', line) == std::string::npos) line = std::string::npos;  // half of it
    if (waitpid(child_, nullptr, WNOHANG) != 0) break;
  }
  find_port(said);
}

ServerProcess::ServerProcess(const std::vector<std::string>& arguments, int read_end,
                             int write_end) {
  fcntl(read_end, F_SETFD, FD_CLOEXEC);
  fcntl(write_end, F_SETFD, FD_CLOEXEC);
  start(arguments, write_end);
  std::string said;
  char letter = 0;
  while (!said.ends_with('\n') || said.find("listening") == std::string::npos) {
    if (::read(read_end, &letter, 1) != 1) break;
    said += letter;
  }
  find_port(said);
}

std::string ServerProcess::log() const {
  return read(log_);
}

std::size_t ServerProcess::resident_bytes() const {
  std::istringstream pages(read("/proc/" + std::to_string(child_) + "/statm"));
  std::size_t all = 0;
  std::size_t resident = 0;
  pages >> all >> resident;
  return resident * static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
}

double ServerProcess::processor_seconds() const {
  clockid_t clock{};
  timespec used{};
  if (clock_getcpuclockid(child_, &clock) != 0 || clock_gettime(clock, &used) != 0) return 0;
  return static_cast<double>(used.tv_sec) + 1e-9 * static_cast<double>(used.tv_nsec);
}

ServerProcess::~ServerProcess() {
  if (child_ > 0) {
    kill(child_, SIGKILL);
    wait();
  }
}

void ServerProcess::signal(int number) const {
  kill(child_, number);
}

int ServerProcess::wait() {
  int status = 0;
  waitpid(child_, &status, 0);
  child_ = -1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace transept::testing
