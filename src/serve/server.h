// serve(): everything put together, from model folders to a socket.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "serve/options.h"

namespace transept::serve {

// Serves until SIGTERM or SIGINT. `listening` is called with the URL once requests are answered.
void serve(const ServerOptions& options, const std::function<void(const std::string&)>& listening);

// The same in two parts, for those who stop it themselves (tests).
class Server {
 public:
  explicit Server(const ServerOptions& options);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  void run();   // until stop() or a signal
  void stop();  // any thread
  [[nodiscard]] int port() const;
  [[nodiscard]] std::string url() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace transept::serve
