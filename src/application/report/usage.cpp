#include "application/report/usage.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <string_view>

#include "application/report/process_age.hpp"
#include "kronwerk/communication/traffic.hpp"
#include "kronwerk/core/error.hpp"
#include "kronwerk/core/work.hpp"

namespace kronwerk::application {
namespace {

double seconds_of(const timeval& time) {
  return static_cast<double>(time.tv_sec) + 1e-6 * static_cast<double>(time.tv_usec);
}

double seconds_since_start() {
  using Clock = std::chrono::steady_clock;
  static const double age_then = own_age() + launch_seconds();
  static const Clock::time_point then = Clock::now();
  return age_then + std::chrono::duration<double>(Clock::now() - then).count();
}

}  // namespace

Usage& Usage::operator+=(const Usage& other) {
  elapsed += other.elapsed;
  waiting += other.waiting;
  system += other.system;
  touched_bytes += other.touched_bytes;
  messages += other.messages;
  bytes_sent += other.bytes_sent;
  shared_bytes += other.shared_bytes;
  collectives += other.collectives;
  flops += other.flops;
  return *this;
}

Usage Usage::operator-(const Usage& other) const {
  return {elapsed - other.elapsed,
          waiting - other.waiting,
          system - other.system,
          touched_bytes - other.touched_bytes,
          messages - other.messages,
          bytes_sent - other.bytes_sent,
          shared_bytes - other.shared_bytes,
          collectives - other.collectives,
          flops - other.flops};
}

std::size_t measure_index(const char* name) {
  const auto found = std::ranges::find(measures, std::string_view(name),
                                       [](const Measure& m) { return std::string_view(m.name); });
  if (found == measures.end()) throw core::InternalError("no such measure of a stage");
  return static_cast<std::size_t>(found - measures.begin());
}

Usage measure_usage() {
  Usage usage;
  usage.elapsed = seconds_since_start();
  rusage kernel{};
  getrusage(RUSAGE_SELF, &kernel);
  usage.system = seconds_of(kernel.ru_stime);
  usage.touched_bytes =
      static_cast<double>(kernel.ru_minflt) * static_cast<double>(sysconf(_SC_PAGESIZE));
  const communication::Traffic& traffic = communication::traffic();
  usage.waiting = 1e-9 * static_cast<double>(traffic.waiting_nanoseconds);
  usage.messages = static_cast<double>(traffic.messages);
  usage.bytes_sent = static_cast<double>(traffic.message_bytes);
  usage.shared_bytes = static_cast<double>(traffic.shared_bytes);
  usage.collectives = static_cast<double>(traffic.collectives);
  usage.flops = core::work().flops;
  return usage;
}

}  // namespace kronwerk::application
