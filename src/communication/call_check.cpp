#include "communication/call_check.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <string_view>
#include <vector>

namespace kronwerk::communication {
namespace {

constexpr const char* variable = "KRONWERK_CHECK_COLLECTIVES";

/// Where the file is in the repository: ranks may run builds that lie elsewhere.
std::string_view in_repository(std::string_view file) {
  std::size_t begin = 0;
  for (const std::string_view top : {"/src/", "/include/", "/tests/"}) {
    const std::size_t found = file.rfind(top);
    if (found != std::string_view::npos) begin = std::max(begin, found + 1);
  }
  return file.substr(begin);
}

std::string text_of(const core::SourceLocation& where) {
  return fmt::format("{}:{}", in_repository(where.file_name()), where.line());
}

/// FNV-1a; one bit less, so that its negative is a number too.
core::Index hash(std::string_view text) {
  std::uint64_t value = 14695981039346656037ULL;
  for (const char c : text) value = (value ^ static_cast<unsigned char>(c)) * 1099511628211ULL;
  return static_cast<core::Index>(value >> 1);
}

}  // namespace

std::string CollectiveCall::text() const {
  std::string result = name;
  if (count > 0) result += fmt::format(" of {}", count);
  if (root > 0) result += fmt::format(" from rank {}", root);
  return result + " at " + text_of(where);
}

std::unique_ptr<CallCheck> CallCheck::make(MPI_Comm comm) {
  const char* value = std::getenv(variable);
  // Not every start-up brings the environment to every rank.
  int wanted = value != nullptr && *value != '\0' && std::string_view(value) != "0" ? 1 : 0;
  check_mpi(MPI_Allreduce(MPI_IN_PLACE, &wanted, 1, MPI_INT, MPI_MAX, comm));
  return std::unique_ptr<CallCheck>(wanted != 0 ? new CallCheck(comm) : nullptr);
}

CallCheck::CallCheck(MPI_Comm comm) {
  check_mpi(MPI_Comm_dup(comm, &comm_));
  check_mpi(MPI_Comm_set_errhandler(comm_, MPI_ERRORS_RETURN));
}

CallCheck::~CallCheck() {
  MPI_Comm_free(&comm_);
}

void CallCheck::compare(const CollectiveCall& call) {
  const std::string mine = call.text();
  if (agreeing_ != nullptr) {
    throw core::InternalError(fmt::format(
        "the call '{}' is made inside the work that collectively() runs at {}; a rank whose work "
        "fails would leave the others waiting there: move the call out of the work",
        mine, text_of(*agreeing_)));
  }
  const core::Index own = hash(mine);
  std::array<core::Index, 2> ends{own, -own};
  check_mpi(MPI_Allreduce(MPI_IN_PLACE, ends.data(), 2, MPI_INT64_T, MPI_MIN, comm_));
  if (ends[0] != -ends[1]) throw_differing(mine);
}

void CallCheck::throw_differing(const std::string& mine) const {
  constexpr std::size_t length = 256;
  int size = 0;
  check_mpi(MPI_Comm_size(comm_, &size));
  std::array<char, length> own{};
  mine.copy(own.data(), length - 1);
  std::vector<char> all(length * static_cast<std::size_t>(size));
  check_mpi(MPI_Allgather(own.data(), length, MPI_CHAR, all.data(), length, MPI_CHAR, comm_));
  const std::string_view first(all.data());
  for (int rank = 1; rank < size; ++rank) {
    const std::string_view other(all.data() + length * static_cast<std::size_t>(rank));
    if (other == first) continue;
    throw core::InternalError(fmt::format(
        "the ranks do not make the same collective call: rank 0 makes '{}', rank {} makes '{}'; "
        "every collective must be called equally often, in the same order, on every rank",
        first, rank, other));
  }
  throw core::InternalError(fmt::format("the ranks' collective calls differ near '{}'", mine));
}

CallCheck::Inside::Inside(CallCheck* check, core::SourceLocation where) : check_(check) {
  if (check_ == nullptr) return;
  check_->agreeing_at_ = where;
  check_->agreeing_ = &check_->agreeing_at_;
}

CallCheck::Inside::~Inside() {
  if (check_ != nullptr) check_->agreeing_ = nullptr;
}

}  // namespace kronwerk::communication
