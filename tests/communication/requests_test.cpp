#include "kronwerk/communication/requests.hpp"

#include <gtest/gtest.h>

#include <numeric>

namespace kronwerk::communication {
namespace {

using core::Index;

TEST(Requests, MessagesAboveTheLargestPieceArriveWholeAndInOrder) {
  const Communicator comm = Communicator::duplicate(MPI_COMM_WORLD);
  const int next = (comm.rank() + 1) % comm.size();
  const int previous = (comm.rank() + comm.size() - 1) % comm.size();
  for (const Index count : {0, 1, 6, 7, 8, 50}) {
    std::vector<double> sent(static_cast<std::size_t>(count));
    std::iota(sent.begin(), sent.end(), 1000.0 * comm.rank());
    std::vector<double> received(sent.size(), -1);
    double mark = -1;
    const double own_mark = comm.rank();
    Requests requests(7);
    requests.receive(received.data(), count, previous, comm.get());
    requests.receive(&mark, 1, previous, comm.get());
    requests.send(sent.data(), count, next, comm.get());
    requests.send(&own_mark, 1, next, comm.get());
    requests.progress();
    requests.wait();
    requests.wait();
    for (std::size_t p = 0; p < received.size(); ++p) {
      EXPECT_EQ(received[p], 1000.0 * previous + static_cast<double>(p));
    }
    EXPECT_EQ(mark, previous);
  }
}

}  // namespace
}  // namespace kronwerk::communication
