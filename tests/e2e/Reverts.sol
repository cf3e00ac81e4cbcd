// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

// Stands in the registry's place for tests/e2e/revert.test.mjs: what concerns
// the room in slot BAD reverts, as long as it is told in a transaction; all
// else is done by the registry's own code, which was moved to the address in
// slot REAL.
contract Reverts {
    uint256 constant BAD = uint256(keccak256("bad"));
    uint256 constant REAL = uint256(keccak256("real"));

    fallback() external payable {
        uint256 bad;
        address real;
        uint256 badSlot = BAD;
        uint256 realSlot = REAL;
        assembly {
            bad := sload(badSlot)
            real := sload(realSlot)
        }
        for (uint256 at = 4; bad != 0 && at + 32 <= msg.data.length; at += 32) {
            uint256 word;
            assembly {
                word := calldataload(at)
            }
            require(word != bad || tx.gasprice == 0, "no such luck");
        }
        assembly {
            calldatacopy(0, 0, calldatasize())
            let ok := delegatecall(gas(), real, 0, calldatasize(), 0, 0)
            returndatacopy(0, 0, returndatasize())
            if ok {
                return(0, returndatasize())
            }
            revert(0, returndatasize())
        }
    }
}
