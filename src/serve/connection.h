// Connection: one client's socket from its first byte to its last. It reads all the time, so that a
// client who leaves is noticed while its answer is being made; it answers one request after the
// other. A request is handed over when its header is complete.
#pragma once

#include <utility>

#include <boost/asio/steady_timer.hpp>
#include <memory>
#include <string>

#include "serve/budget.h"
#include "serve/request_reader.h"
#include "serve/wire.h"

namespace transept::serve {

class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(std::unique_ptr<Wire> wire, const HttpOptions& options, Budget& budget,
             const HttpServer::Handler& handler);

  Task<void> run();  // keep a shared_ptr until it is done
  // The server stops: an idle connection closes, a busy one after its answer.
  void drain();
  void cancel();  // ends the request that is being answered
  void close();

 private:
  class Answer;
  enum class Phase { idle, header, body, answering, writing };

  Task<void> pump();
  Task<bool> serve_one();  // false: nothing more comes
  Task<bool> exchange(RequestReader& reader);
  Task<bool> read_header(RequestReader& reader);
  Task<void> read_body(RequestReader& reader, Scope& scope, Budget::Share& share);
  void take(RequestReader& reader);  // what has arrived
  Task<void> refuse(int status, std::string message);
  Task<void> write_all(std::string_view bytes);  // which stay until they are written
  Task<void> linger();
  void arm(int milliseconds);
  void on_timer();
  void gone();

  std::unique_ptr<Wire> wire_;
  const HttpOptions& options_;
  Budget& budget_;
  const HttpServer::Handler& handler_;
  boost::asio::steady_timer timer_;
  std::string remote_;
  std::string inbox_;  // read, not yet parsed
  Signal more_;        // something was read, or nothing more will be
  Signal room_;        // something was parsed
  Phase phase_ = Phase::idle;
  Exchange* answering_ = nullptr;
  bool at_end_ = false;
  bool answered_ = false;  // the last request, to the end
  bool timed_out_ = false;
  bool draining_ = false;
};

}  // namespace transept::serve
