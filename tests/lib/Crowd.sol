// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

interface IRooms {
    function createRoom(
        uint8 ingest,
        uint8 access,
        bool keepRecording,
        bytes32 ref,
        string calldata title,
        bytes calldata hostKey
    ) external payable returns (uint96);
    function endRoom(uint96 roomId) external;
}

// One host with very many rooms: many calls of the registry in one transaction.
contract Crowd {
    function open(IRooms rooms, uint8[] calldata ingest, bytes[] calldata hostKeys) external {
        for (uint256 i = 0; i < hostKeys.length; i++) {
            rooms.createRoom(ingest[i % ingest.length], 0, true, bytes32(i), "one of a crowd", hostKeys[i]);
        }
    }

    function end(IRooms rooms, uint96[] calldata ids) external {
        for (uint256 i = 0; i < ids.length; i++) rooms.endRoom(ids[i]);
    }
}
