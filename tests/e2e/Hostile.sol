// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

// Everything that an event can be, for tests/e2e/anycontract.test.mjs. What is
// emitted is chosen by the caller, down to bytes that are no text.
contract Hostile {
    struct Inner { bytes32 id; string text; }
    struct Outer {
        uint256 big; int8 small; string name; bytes raw; address who; bool yes;
        Inner[] inners; bytes4[2] marks;
    }

    event Plain(uint256 wide, int256 signedWide, uint56 small, uint64 wider, int64 signedSmall, bool yes, address who,
        bytes3 mark, bytes raw, string text);
    event Callback(function() external f, uint8 n);
    event Unnamed(uint256, string, address indexed);
    event Nested(Outer o, Inner[] list, uint256[3][] grid);
    event Hashed(string indexed text, bytes indexed raw, uint256[] indexed list, uint256 n);
    event Hashed2(Inner indexed inner, Inner[2] indexed pair);
    event Secret(uint256 indexed a, bytes32 indexed b, string c) anonymous;
    event Silence(uint256 a) anonymous;
    event Pair(uint256 indexed a, uint256 b);

    event Over(uint256 a);
    event Over(uint256 a, string b);
    event Over(address indexed a);
    event Moved(uint256 a);
    event moved(uint256 b);
    event MOVED(string c);
    event OverKey(uint256 indexed key, uint256 indexed block_number);

    event Words(uint256 order, uint256 select, uint256 xmin, uint256 ctid, uint256 tableoid, uint256 block_number,
        uint256 blockNumber, uint256 Order, uint256 _order);
    event Dollar$(uint256 $, uint256 $$, uint256 __, uint256 $2);
    event ALongNameThatGoesOnAndOnUntilPostgresWouldHaveCutItSomewhereInTheMiddleOne(uint256 a);
    event ALongNameThatGoesOnAndOnUntilPostgresWouldHaveCutItSomewhereInTheMiddleTwo(
        uint256 aParameterThatGoesOnAndOnUntilPostgresWouldHaveCutItSomewhereOne,
        uint256 aParameterThatGoesOnAndOnUntilPostgresWouldHaveCutItSomewhereTwo);

    function plain(uint256 a, int256 b, uint56 c, uint64 d, int64 e, bool f, address g, bytes3 h, bytes calldata i)
        external
    {
        emit Plain(a, b, c, d, e, f, g, h, i, string(i));
    }

    function texts(bytes[] calldata all) external {
        for (uint256 i = 0; i < all.length; i++) {
            Inner[] memory inners = new Inner[](2);
            inners[0] = Inner(keccak256(all[i]), string(all[i]));
            inners[1] = Inner(bytes32(i), "next");
            Outer memory o = Outer(type(uint256).max - i, -128, string(all[i]), all[i], msg.sender, i % 2 == 0, inners,
                [bytes4(0x01020304), bytes4(0xffffffff)]);
            uint256[3][] memory grid = new uint256[3][](1);
            grid[0] = [2 ** 53 + 1, i, 0];
            emit Nested(o, inners, grid);
            emit Unnamed(i, string(all[i]), msg.sender);
            emit Secret(i, keccak256(all[i]), string(all[i]));
            emit Hashed(string(all[i]), all[i], new uint256[](i), i);
        }
    }

    function rest() external {
        emit Callback(this.rest, 7);
        emit Hashed2(Inner(bytes32(uint256(1)), "one"), [Inner(0, ""), Inner(0, "two")]);
        emit Silence(9);
        emit Pair(1, 2);
        emit Over(1);
        emit Over(2, "two");
        emit Over(msg.sender);
        emit Moved(1);
        emit moved(2);
        emit MOVED("three");
        emit OverKey(1, 2);
        emit Words(1, 2, 3, 4, 5, 6, 7, 8, 9);
        emit Dollar$(1, 2, 3, 4);
        emit ALongNameThatGoesOnAndOnUntilPostgresWouldHaveCutItSomewhereInTheMiddleOne(1);
        emit ALongNameThatGoesOnAndOnUntilPostgresWouldHaveCutItSomewhereInTheMiddleTwo(1, 2);
    }

    // Any log at all: what no compiler would write.
    function raw(bytes32[] calldata t, bytes calldata data) external {
        bytes memory d = data;
        if (t.length == 0) assembly { log0(add(d, 32), mload(d)) }
        bytes32 t0 = t.length > 0 ? t[0] : bytes32(0);
        bytes32 t1 = t.length > 1 ? t[1] : bytes32(0);
        bytes32 t2 = t.length > 2 ? t[2] : bytes32(0);
        if (t.length == 1) assembly { log1(add(d, 32), mload(d), t0) }
        if (t.length == 2) assembly { log2(add(d, 32), mload(d), t0, t1) }
        if (t.length == 3) assembly { log3(add(d, 32), mload(d), t0, t1, t2) }
    }
}
