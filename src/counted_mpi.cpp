// MPI's functions that send or wait, as MPI's profiling interface (MPI 3.1, chapter 14) lets a
// program define them: each counts in communication::traffic() and calls MPI's own. The program's
// definitions stand before MPI's for every library in it, PETSc and ScaLAPACK included. A profiler
// that is loaded before the program takes the place of these, which then count nothing.
#include <mpi.h>

#include <chrono>

#include "kronwerk/communication/traffic.hpp"

namespace {

using kronwerk::communication::traffic;

bool one_rank(MPI_Comm comm) {
  int size = 0;
  return PMPI_Comm_size(comm, &size) == MPI_SUCCESS && size == 1;
}

long long bytes_of(long long count, MPI_Datatype type) {
  int size = 0;
  return count > 0 && PMPI_Type_size(type, &size) == MPI_SUCCESS ? count * size : 0;
}

long long bytes_of(const int* counts, MPI_Datatype type, MPI_Comm comm) {
  int ranks = 0;
  PMPI_Comm_size(comm, &ranks);
  long long count = 0;
  for (int rank = 0; rank < ranks; ++rank) count += counts[rank];
  return bytes_of(count, type);
}

/// The time in a call that returns when other ranks have come. MPI may make calls in calls.
class Waiting {
 public:
  Waiting() : outermost_(depth++ == 0) {
    if (outermost_) start_ = std::chrono::steady_clock::now();
  }
  Waiting(const Waiting&) = delete;
  Waiting& operator=(const Waiting&) = delete;
  ~Waiting() {
    --depth;
    if (!outermost_) return;
    const auto time = std::chrono::steady_clock::now() - start_;
    traffic().waiting_nanoseconds +=
        std::chrono::duration_cast<std::chrono::nanoseconds>(time).count();
  }

 protected:
  bool outermost() const { return outermost_; }

 private:
  static inline int depth = 0;
  bool outermost_;
  std::chrono::steady_clock::time_point start_;
};

class Collective : public Waiting {
 public:
  explicit Collective(MPI_Comm comm, long long bytes = 0) {
    if (!outermost() || one_rank(comm)) return;
    ++traffic().collectives;
    traffic().message_bytes += bytes;
  }
};

void count_message(int destination, long long count, MPI_Datatype type) {
  if (destination == MPI_PROC_NULL) return;
  ++traffic().messages;
  traffic().message_bytes += bytes_of(count, type);
}

/// The part of a collective in which ranks have the same number of values.
long long part(const void* send, int send_count, MPI_Datatype send_type, int count,
               MPI_Datatype type) {
  return send == MPI_IN_PLACE ? bytes_of(count, type) : bytes_of(send_count, send_type);
}

bool is_rank(int rank, MPI_Comm comm) {
  int own = 0;
  return PMPI_Comm_rank(comm, &own) == MPI_SUCCESS && own == rank;
}

long long times_ranks(long long bytes, MPI_Comm comm) {
  int ranks = 0;
  PMPI_Comm_size(comm, &ranks);
  return bytes * ranks;
}

}  // namespace

extern "C" {

int MPI_Send(const void* data, int count, MPI_Datatype type, int to, int tag, MPI_Comm comm) {
  const Waiting waiting;
  count_message(to, count, type);
  return PMPI_Send(data, count, type, to, tag, comm);
}

int MPI_Ssend(const void* data, int count, MPI_Datatype type, int to, int tag, MPI_Comm comm) {
  const Waiting waiting;
  count_message(to, count, type);
  return PMPI_Ssend(data, count, type, to, tag, comm);
}

int MPI_Isend(const void* data, int count, MPI_Datatype type, int to, int tag, MPI_Comm comm,
              MPI_Request* request) {
  count_message(to, count, type);
  return PMPI_Isend(data, count, type, to, tag, comm, request);
}

int MPI_Issend(const void* data, int count, MPI_Datatype type, int to, int tag, MPI_Comm comm,
               MPI_Request* request) {
  count_message(to, count, type);
  return PMPI_Issend(data, count, type, to, tag, comm, request);
}

int MPI_Sendrecv(const void* data, int count, MPI_Datatype type, int to, int tag, void* received,
                 int most, MPI_Datatype received_type, int from, int received_tag, MPI_Comm comm,
                 MPI_Status* status) {
  const Waiting waiting;
  count_message(to, count, type);
  return PMPI_Sendrecv(data, count, type, to, tag, received, most, received_type, from,
                       received_tag, comm, status);
}

int MPI_Recv(void* data, int count, MPI_Datatype type, int from, int tag, MPI_Comm comm,
             MPI_Status* status) {
  const Waiting waiting;
  return PMPI_Recv(data, count, type, from, tag, comm, status);
}

int MPI_Probe(int from, int tag, MPI_Comm comm, MPI_Status* status) {
  const Waiting waiting;
  return PMPI_Probe(from, tag, comm, status);
}

int MPI_Wait(MPI_Request* request, MPI_Status* status) {
  const Waiting waiting;
  return PMPI_Wait(request, status);
}

int MPI_Waitall(int count, MPI_Request* requests, MPI_Status* statuses) {
  const Waiting waiting;
  return PMPI_Waitall(count, requests, statuses);
}

int MPI_Waitany(int count, MPI_Request* requests, int* index, MPI_Status* status) {
  const Waiting waiting;
  return PMPI_Waitany(count, requests, index, status);
}

int MPI_Waitsome(int count, MPI_Request* requests, int* done, int* indices, MPI_Status* statuses) {
  const Waiting waiting;
  return PMPI_Waitsome(count, requests, done, indices, statuses);
}

int MPI_Barrier(MPI_Comm comm) {
  const Collective call(comm);
  return PMPI_Barrier(comm);
}

int MPI_Bcast(void* data, int count, MPI_Datatype type, int root, MPI_Comm comm) {
  const Collective call(comm, is_rank(root, comm) ? bytes_of(count, type) : 0);
  return PMPI_Bcast(data, count, type, root, comm);
}

int MPI_Reduce(const void* send, void* receive, int count, MPI_Datatype type, MPI_Op operation,
               int root, MPI_Comm comm) {
  const Collective call(comm, is_rank(root, comm) ? 0 : bytes_of(count, type));
  return PMPI_Reduce(send, receive, count, type, operation, root, comm);
}

int MPI_Allreduce(const void* send, void* receive, int count, MPI_Datatype type, MPI_Op operation,
                  MPI_Comm comm) {
  const Collective call(comm, bytes_of(count, type));
  return PMPI_Allreduce(send, receive, count, type, operation, comm);
}

int MPI_Iallreduce(const void* send, void* receive, int count, MPI_Datatype type, MPI_Op operation,
                   MPI_Comm comm, MPI_Request* request) {
  const Collective call(comm, bytes_of(count, type));
  return PMPI_Iallreduce(send, receive, count, type, operation, comm, request);
}

int MPI_Scan(const void* send, void* receive, int count, MPI_Datatype type, MPI_Op operation,
             MPI_Comm comm) {
  const Collective call(comm, bytes_of(count, type));
  return PMPI_Scan(send, receive, count, type, operation, comm);
}

int MPI_Exscan(const void* send, void* receive, int count, MPI_Datatype type, MPI_Op operation,
               MPI_Comm comm) {
  const Collective call(comm, bytes_of(count, type));
  return PMPI_Exscan(send, receive, count, type, operation, comm);
}

int MPI_Gather(const void* send, int send_count, MPI_Datatype send_type, void* receive, int count,
               MPI_Datatype type, int root, MPI_Comm comm) {
  const Collective call(comm, is_rank(root, comm) ? 0 : bytes_of(send_count, send_type));
  return PMPI_Gather(send, send_count, send_type, receive, count, type, root, comm);
}

int MPI_Gatherv(const void* send, int send_count, MPI_Datatype send_type, void* receive,
                const int* counts, const int* places, MPI_Datatype type, int root, MPI_Comm comm) {
  const Collective call(comm, is_rank(root, comm) ? 0 : bytes_of(send_count, send_type));
  return PMPI_Gatherv(send, send_count, send_type, receive, counts, places, type, root, comm);
}

int MPI_Allgather(const void* send, int send_count, MPI_Datatype send_type, void* receive,
                  int count, MPI_Datatype type, MPI_Comm comm) {
  const Collective call(comm, part(send, send_count, send_type, count, type));
  return PMPI_Allgather(send, send_count, send_type, receive, count, type, comm);
}

int MPI_Allgatherv(const void* send, int send_count, MPI_Datatype send_type, void* receive,
                   const int* counts, const int* places, MPI_Datatype type, MPI_Comm comm) {
  int own = 0;
  PMPI_Comm_rank(comm, &own);
  const Collective call(comm, part(send, send_count, send_type, counts[own], type));
  return PMPI_Allgatherv(send, send_count, send_type, receive, counts, places, type, comm);
}

int MPI_Scatter(const void* send, int send_count, MPI_Datatype send_type, void* receive, int count,
                MPI_Datatype type, int root, MPI_Comm comm) {
  const long long bytes =
      is_rank(root, comm) ? times_ranks(bytes_of(send_count, send_type), comm) : 0;
  const Collective call(comm, bytes);
  return PMPI_Scatter(send, send_count, send_type, receive, count, type, root, comm);
}

int MPI_Scatterv(const void* send, const int* counts, const int* places, MPI_Datatype send_type,
                 void* receive, int count, MPI_Datatype type, int root, MPI_Comm comm) {
  const Collective call(comm, is_rank(root, comm) ? bytes_of(counts, send_type, comm) : 0);
  return PMPI_Scatterv(send, counts, places, send_type, receive, count, type, root, comm);
}

int MPI_Alltoall(const void* send, int send_count, MPI_Datatype send_type, void* receive, int count,
                 MPI_Datatype type, MPI_Comm comm) {
  const Collective call(comm, times_ranks(part(send, send_count, send_type, count, type), comm));
  return PMPI_Alltoall(send, send_count, send_type, receive, count, type, comm);
}

int MPI_Alltoallv(const void* send, const int* send_counts, const int* send_places,
                  MPI_Datatype send_type, void* receive, const int* counts, const int* places,
                  MPI_Datatype type, MPI_Comm comm) {
  const bool in_place = send == MPI_IN_PLACE;
  const Collective call(
      comm, bytes_of(in_place ? counts : send_counts, in_place ? type : send_type, comm));
  return PMPI_Alltoallv(send, send_counts, send_places, send_type, receive, counts, places, type,
                        comm);
}

int MPI_Comm_dup(MPI_Comm comm, MPI_Comm* copy) {
  const Collective call(comm);
  return PMPI_Comm_dup(comm, copy);
}

int MPI_Comm_split(MPI_Comm comm, int colour, int key, MPI_Comm* part) {
  const Collective call(comm);
  return PMPI_Comm_split(comm, colour, key, part);
}

int MPI_Comm_split_type(MPI_Comm comm, int type, int key, MPI_Info info, MPI_Comm* part) {
  const Collective call(comm);
  return PMPI_Comm_split_type(comm, type, key, info, part);
}

}  // extern "C"
